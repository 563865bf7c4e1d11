"""What is known of a session and of a reservation before anything is paid for it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from billing_service.costs.domain.exact import Exact
from csms_shared.values.times import EARLIEST, LATEST

SUSPENDED_BY_STATION = "SuspendedEVSE"
# Flags of a transaction (docs/tolerance.md) with which its times or its energy can't be trusted.
REVIEWED_FLAGS = frozenset(
    (
        "clock_not_set",
        "clock_ahead",
        "unreadable_time",
        "stop_before_start",
        "negative_energy",
        "implausible_power",
        "conflicting_stops",
        "stop_after_close",
    )
)
STOP_BEFORE_START, NEGATIVE_ENERGY = "stop_before_start", "negative_energy"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(at: datetime) -> int:
    """Return an instant as microseconds since the epoch."""
    return (at - _EPOCH) // _MICROSECOND


def moment(instant: Exact) -> datetime:
    """Return the microsecond in which an instant lies."""
    return _EPOCH + timedelta(microseconds=int(instant // 1))


@dataclass(frozen=True, slots=True)
class Reading:
    """What the energy register showed, in Wh."""

    at: datetime
    energy_wh: Exact


@dataclass(frozen=True, slots=True)
class CurrentSample:
    """The sum of the currents of all phases, in A; it holds until the next one."""

    at: datetime
    amperes: Exact


@dataclass(frozen=True, slots=True)
class StatusChange:
    """What a station said of the connector; it holds until the next one, also from before."""

    at: datetime
    status: str


@dataclass(frozen=True, slots=True)
class ReservationFacts:
    """A reservation: until its session started, it was cancelled, or (`expired`) its time ended."""

    reserved_at: datetime
    ended_at: datetime
    expired: bool = False

    def __post_init__(self) -> None:
        _check(self.reserved_at, self.ended_at)


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A session. Lists are in any order, and what is in them twice counts once.

    A session that goes on has `stopped_at` as the time up to which it is paid, and no
    `meter_stop_wh`. `reservation` is the one that it used.
    """

    started_at: datetime
    stopped_at: datetime
    meter_start_wh: Exact
    meter_stop_wh: Exact | None
    readings: tuple[Reading, ...] = ()
    statuses: tuple[StatusChange, ...] = ()
    currents: tuple[CurrentSample, ...] = ()
    flags: frozenset[str] = frozenset()
    reservation: ReservationFacts | None = None

    def __post_init__(self) -> None:
        _check(self.started_at, self.stopped_at)
        if self.reservation is not None and self.reservation.expired:
            raise ValueError("a reservation that a session used has not expired")


def _check(*times: datetime) -> None:
    for at in times:
        if not EARLIEST <= at <= LATEST:
            raise ValueError(f"nothing can have happened at {at}")
