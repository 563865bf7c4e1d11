"""What the suite knows of an OCPP action: one row per version and action.

The rows stand in a module per version (`v16`); `actions` finds them. Whatever depends on an
action and is the same wherever it is asked stands here: bindings of queues, rules of
registration, masking, acceptance and documentation are derived from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

Payload = Mapping[str, Any]
# A step of a path: into each item of an array.
EACH: Final = "*"


class CallKind(StrEnum):
    """When a station's call is answered.

    A report when the broker has confirmed it, a decision when the owning service has committed
    it, a heartbeat at once.
    """

    REPORT = "report"
    DECISION = "decision"
    HEARTBEAT = "heartbeat"


class Owner(StrEnum):
    """The services that own data, by the names that their queues begin with."""

    STATION_REGISTRY = "station-registry"
    SESSION_SERVICE = "session-service"


@dataclass(frozen=True, slots=True)
class KeyedSecret:
    """The field `value` is a secret where the configuration key in the field `key` names one.

    Both belong to the object at `path`, whose steps are names and `EACH`.
    """

    path: tuple[str, ...]
    key: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FromStation:
    """How a station's call is treated.

    `service`: which one owns it. `kind_of`: of which of the `kinds` a valid payload is.
    `of_session`: it reports charging, and is lost for good where it is refused, because stations
    repeat it a few times and then drop it. `before_boot`: stations send it before the boot, and
    some give up when it is refused then.
    """

    service: Owner
    kinds: tuple[CallKind, ...]
    kind_of: Callable[[Payload], CallKind]
    of_session: bool = False
    before_boot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToStation:
    """How a command to a station is treated.

    `while_pending`: a station that is not accepted yet may get it. `triggers`: it asks for the
    call of the station that `requestedMessage` names. `followed_by`: the services that keep what
    follows from its end; with `followed_with` only where its payload has that field. `yes`: the
    values of an answer's `status` that mean: done, or will be done; an answer without a status is
    a yes. `at_least`: the least values of numbers where the text of the specification has them
    and the schema has none. `numbered`: its `requestId` is given by the central system, and the
    station's reports bear it.
    """

    while_pending: bool = True
    triggers: bool = False
    followed_by: tuple[Owner, ...] = ()
    followed_with: str | None = None
    yes: frozenset[str] = frozenset({"Accepted"})
    at_least: Mapping[str, int] = field(default_factory=dict)
    numbered: bool = False

    def is_accepted(self, response: Payload) -> bool:
        """Tell whether a station's answer means yes."""
        status = response.get("status")
        return status is None or (isinstance(status, str) and status in self.yes)

    def is_followed(self, payload: Payload) -> bool:
        """Tell whether a service keeps what follows from the end of the command."""
        return bool(self.followed_by) and (
            self.followed_with is None or self.followed_with in payload
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action of one OCPP version, called by stations, by the central system, or by both.

    `example`: a payload that is valid in each direction. `secrets` are in the payload,
    `secrets_in_answer` in what the called side answers. `without_secrets`: a payload that meets
    its schema has no place for a secret, nor has its answer; nobody looks for one.
    """

    name: str
    example: Payload
    from_station: FromStation | None = None
    to_station: ToStation | None = None
    secrets: tuple[KeyedSecret, ...] = ()
    secrets_in_answer: tuple[KeyedSecret, ...] = ()
    without_secrets: bool = False
