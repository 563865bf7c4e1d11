"""What is known of a station's configuration, and how far it is from what is wanted.

OCPP 1.6, 5.3, 5.8 and 9. Keys are compared in any case (CiString50Type, 7.17).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from csms_shared.contracts.configuration import Drift, DriftState
from csms_shared.ocpp.secret_keys import MASK, is_secret_key
from csms_shared.values.numbers import parse_integer

MAX_KEYS = "GetConfigurationMaxKeys"
_TAKEN = ("Accepted", "RebootRequired")


@dataclass(frozen=True, slots=True)
class Reading:
    """A value that a station reported; `known` is false for a key that it does not know."""

    key: str
    value: str | None
    readonly: bool | None
    known: bool = True


@dataclass(frozen=True, slots=True)
class ReadEnd:
    """How a command ended that asked for values; `readings` is None without an answer.

    `asked_at`: when it was sent, as far as that is known.
    """

    station_id: str
    asked_at: datetime
    readings: tuple[Reading, ...] | None


@dataclass(frozen=True, slots=True)
class ChangeEnd:
    """How a command ended that changed a value; `status` is None without an answer.

    `value` may be stored and shown. `is_settled`: nothing about the command can change any more.
    """

    command_id: UUID
    station_id: str
    asked_at: datetime
    key: str
    value: str | None
    status: str | None
    is_settled: bool


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What is stored of a key, seen with the station's last boot."""

    key: str
    value: str | None
    readonly: bool | None
    known: bool
    known_at: datetime | None
    changed_to: str | None
    change_status: str | None
    changed_at: datetime | None
    ordered_to: str | None
    ordered_until: datetime | None
    last_boot_at: datetime | None

    @property
    def reboot_required(self) -> bool:
        """Whether the last change takes effect at the next boot only."""
        return (
            self.change_status == "RebootRequired"
            and self.changed_at is not None
            and (self.last_boot_at is None or self.last_boot_at <= self.changed_at)
        )


def key_of(name: str) -> str:
    """Return what a key is compared by."""
    return name.strip().casefold()


def stored_value(name: str, value: str | None) -> str | None:
    """Return a value as it may be stored and shown."""
    return MASK if value is not None and is_secret_key(name) else value


def is_taken(status: str) -> bool:
    """Tell whether a station has a changed value now, if only after its next boot."""
    return status in _TAKEN


def pieces(keys: Sequence[str], max_keys: int | None) -> list[list[str]]:
    """Return the key lists to ask for, one per GetConfiguration; an empty one asks for all.

    Where the station never said how many keys it takes at once (9.1.9), it is asked for all.
    """
    if not keys or max_keys is None or max_keys < 1:
        return [[]]
    return [list(keys[start : start + max_keys]) for start in range(0, len(keys), max_keys)]


def pieces_to_read(keys: Sequence[str], known: Mapping[str, KnownKey]) -> list[list[str]]:
    """Return the key lists to ask for where some keys were never reported; `known` by `key_of`.

    A station of which nothing is known is asked for everything. One that left keys out of that
    is asked for these by name, until it says that it does not know them (5.8): one at a time
    where it names no GetConfigurationMaxKeys.
    """
    if not known:
        return [[]]
    most = known.get(key_of(MAX_KEYS))
    return pieces(keys, (None if most is None else max_keys(most.value)) or 1)


def max_keys(value: str | None) -> int | None:
    """Read GetConfigurationMaxKeys, None where it is not known or no number."""
    number = None if value is None else parse_integer(value)
    return number if number is not None and number > 0 else None


def drift(wanted: Mapping[str, str], known: Mapping[str, KnownKey], now: datetime) -> list[Drift]:
    """Return the keys that are not as wanted; `known` is by `key_of`."""
    found: list[Drift] = []
    for name, value in sorted(wanted.items()):
        row = known.get(key_of(name))
        state = _state(value, row, now)
        if state is not None:
            shown = None if row is None else row.value
            found.append(Drift(key=name, wanted=value, value=shown, state=state))
    return found


def to_send(drifts: Iterable[Drift]) -> list[Drift]:
    """Return what applying a template changes: only what is known to differ."""
    return [each for each in drifts if each.state is DriftState.DIFFERS]


def _state(wanted: str, row: KnownKey | None, now: datetime) -> DriftState | None:
    if row is None:
        return DriftState.UNREAD
    if row.ordered_to == wanted and row.ordered_until is not None and row.ordered_until > now:
        return DriftState.ORDERED
    refused = row.changed_to == wanted and row.change_status not in (None, *_TAKEN)
    if refused and row.change_status == "Rejected" and not same(wanted, row.value):
        return DriftState.REJECTED
    if not row.known or (refused and row.change_status == "NotSupported"):
        return DriftState.NOT_SUPPORTED
    if row.known_at is None:
        return DriftState.UNREAD
    if row.reboot_required and row.changed_to == wanted:
        return DriftState.REBOOT_REQUIRED
    if same(wanted, row.value):
        return None
    return DriftState.READ_ONLY if row.readonly else DriftState.DIFFERS


def same(wanted: str, value: str | None) -> bool:
    """Tell whether a station means the wanted value: blanks and the case of booleans aside."""
    if value is None:
        return False
    one, other = wanted.strip(), value.strip()
    booleans = ("true", "false")
    return one == other or (one.casefold() == other.casefold() and one.casefold() in booleans)
