"""Reservations (OCPP 1.6, 3.11, 5.1 and 5.13): what became of them follows from facts alone.

Facts come in any order: the station's answer to ReserveNow and to CancelReservation, the starts
of the station, connectors that go out of service, the clock. All of a station's reservations are
judged anew from all of them, so neither order nor repetition shows in what comes out.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from csms_shared.values.id_tokens import token_key
from csms_shared.values.station_clocks import BUILD_DATE

# A start that is younger than this by the station's clock was sent at once: ours tells better.
SENT_AT_ONCE = timedelta(minutes=5)


class ReservationStatus(StrEnum):
    """`pending`: the station has not answered, or nobody knows what it answered."""

    PENDING = "pending"
    ACTIVE = "active"
    USED = "used"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUSED = "refused"

    @property
    def is_open(self) -> bool:
        """Tell whether the station holds it, or may."""
        return self in (ReservationStatus.PENDING, ReservationStatus.ACTIVE)


class Answer(StrEnum):
    """What is known of the station's answer to ReserveNow; an unknown one may still be learnt."""

    NONE = "none"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Reason(StrEnum):
    """Why a reservation ended or is still pending, besides the station's own words."""

    OUTCOME_UNKNOWN = "outcome_unknown"
    REPLACED = "replaced"
    NOT_HELD = "not_held_by_station"
    # Only told to who charges: by then it was over for more than a day, and no session pays for it.
    NAMED_LATE = "named_late"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What was asked of a station and what it answered; all times are ours.

    `wire_id` is the reservationId that the station knows. `token_key` is that of the tenant
    (`token_key_in_tenant`).
    """

    id: int
    station_id: str
    tenant_id: str
    wire_id: int
    connector_id: int
    token_key: str
    group_key: str | None
    created_at: datetime
    expires_at: datetime
    answer: Answer = Answer.NONE
    refusal: str | None = None
    answered_at: datetime | None = None

    @property
    def age(self) -> tuple[datetime, int]:
        """What reservations under one id are ordered by."""
        return (self.created_at, self.id)

    def admits(self, start: "ReservedStart") -> bool:
        """Tell whether a start is by the reserved token or its group (5.13)."""
        if start.token_key == self.token_key:
            return True
        return self.group_key is not None and start.group_key == self.group_key


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A station's answer to CancelReservation; not accepted: it held no such reservation."""

    wire_id: int
    asked_at: datetime
    answered_at: datetime
    accepted: bool


@dataclass(frozen=True, slots=True)
class WantedReservation:
    """What a station is asked to reserve; `wire_id` is the id that the station is told."""

    wire_id: int
    connector_id: int
    id_token: str
    token_key: str
    group_id: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ReserveEnd:
    """What a command to reserve came to; `wanted` is None where it can't be read.

    `refusal`: the station's own word in lower case, or why it has given none.
    """

    command_id: UUID
    station_id: str
    tenant_id: str
    wanted: WantedReservation | None
    created_at: datetime
    created_by: str
    answer: Answer
    refusal: str | None
    completed_at: datetime


@dataclass(frozen=True, slots=True)
class CancelEnd:
    """What a command to cancel came to; `failure` is why it has no answer, None where it has."""

    command_id: UUID
    station_id: str
    tenant_id: str
    wire_id: int | None
    asked_at: datetime
    completed_at: datetime
    accepted: bool
    answered: bool
    failure: str | None


@dataclass(frozen=True, slots=True)
class Outage:
    """A connector (0: the station) went out of service; `reason` is its status in lower case."""

    connector_id: int
    at: datetime
    reason: str

    def ends(self, reservation: Reservation) -> bool:
        """Tell whether the station gave a reservation up because of it (5.13)."""
        return (
            self.connector_id in (0, reservation.connector_id)
            and reservation.answer is Answer.ACCEPTED
            and reservation.answered_at is not None
            and reservation.answered_at <= self.at
        )


@dataclass(frozen=True, slots=True)
class ReservedStart:
    """A start as far as reservations are concerned; `at` by `start_time`."""

    transaction_id: int
    station_id: str
    connector_id: int
    token_key: str
    group_key: str | None
    wire_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a reservation; `ended_at` is None while it is open."""

    status: ReservationStatus
    reason: str | None = None
    ended_at: datetime | None = None
    transaction_id: int | None = None


def start_time(started_at: datetime, received_at: datetime) -> datetime:
    """Return when a start happened: our time of receipt unless it was sent later.

    What has not happened yet when it is received is told by a clock that is ahead.
    """
    if started_at < BUILD_DATE or received_at - started_at <= SENT_AT_ONCE:
        return received_at
    return started_at


def group_key(group_id: str | None) -> str | None:
    """Return what a group is compared by; stations know it as parentIdTag, without case."""
    return None if group_id is None else token_key(group_id)


def judge(
    reservations: Collection[Reservation],
    cancellations: Iterable[Cancellation],
    starts: Iterable[ReservedStart],
    now: datetime,
    outages: Collection[Outage] = (),
) -> dict[int, Verdict]:
    """Return what became of each reservation of one station, by id.

    A start that names a reservation ended it, whatever else is said of it (4.8). One that names
    none ended the reservation that the station held for its token, one of its very connector
    rather than one of any.
    """
    in_time = sorted(starts, key=lambda start: (start.at, start.transaction_id))
    free = {start.transaction_id: start for start in in_time if start.wire_id is None}
    named: dict[int, ReservedStart] = {}
    same = _by_wire_id(reservations)
    for start in in_time:
        holder = _holder(same, start.wire_id, start.at)
        if holder is not None:
            named.setdefault(holder.id, start)
    ends = _ends(reservations, same, cancellations, outages)
    verdicts: dict[int, Verdict] = {}
    for reservation in sorted(reservations, key=_by_precedence):
        use = named.get(reservation.id)
        if use is None:
            use = _unnamed_use(reservation, free.values(), ends[reservation.id])
            if use is not None:
                del free[use.transaction_id]
        verdicts[reservation.id] = _verdict(reservation, use, ends[reservation.id], now)
    return verdicts


def conflicting(
    start: ReservedStart,
    reservations: Iterable[Reservation],
    verdicts: dict[int, Verdict],
) -> bool:
    """Tell whether a start took a connector that the station held for somebody else then.

    A reservation of any connector (0) is no conflict with a start on one of them.
    """
    return any(
        reservation.connector_id == start.connector_id
        and reservation.answer is Answer.ACCEPTED
        and reservation.answered_at is not None
        and reservation.answered_at <= start.at
        and start.at < (verdicts[reservation.id].ended_at or reservation.expires_at)
        and not reservation.admits(start)
        for reservation in reservations
        if verdicts[reservation.id].transaction_id != start.transaction_id
    )


def _verdict(
    reservation: Reservation, use: ReservedStart | None, end: Verdict, now: datetime
) -> Verdict:
    if use is not None:
        return Verdict(ReservationStatus.USED, None, use.at, use.transaction_id)
    if reservation.answer is Answer.REFUSED:
        return Verdict(ReservationStatus.REFUSED, reservation.refusal, reservation.answered_at)
    if end.ended_at is not None and end.ended_at <= now:
        return end
    if reservation.answer is Answer.ACCEPTED:
        return Verdict(ReservationStatus.ACTIVE)
    unknown = reservation.answer is Answer.UNKNOWN
    return Verdict(ReservationStatus.PENDING, Reason.OUTCOME_UNKNOWN if unknown else None)


def _by_precedence(reservation: Reservation) -> tuple[bool, datetime, int]:
    return (reservation.connector_id == 0, *reservation.age)


def _by_wire_id(reservations: Iterable[Reservation]) -> dict[int | None, list[Reservation]]:
    """Return the reservations under each id, oldest first: there may be years of them under one."""
    same: dict[int | None, list[Reservation]] = {}
    for reservation in sorted(reservations, key=_age):
        same.setdefault(reservation.wire_id, []).append(reservation)
    return same


def _holder(
    same: Mapping[int | None, Sequence[Reservation]], wire_id: int | None, at: datetime
) -> Reservation | None:
    """Return the reservation that a station meant by an id at a time.

    Operators may use an id again. A station's clock may be behind: then it is the oldest.
    """
    held = same.get(wire_id)
    if not held:
        return None
    before = bisect_right(held, at, key=lambda reservation: reservation.created_at)
    for index in range(before - 1, -1, -1):
        if held[index].answer is not Answer.REFUSED:
            return held[index]
    return held[max(before - 1, 0)]


def _age(reservation: Reservation) -> tuple[datetime, int]:
    return reservation.age


def _ends(
    reservations: Collection[Reservation],
    same: Mapping[int | None, Sequence[Reservation]],
    cancellations: Iterable[Cancellation],
    outages: Collection[Outage],
) -> dict[int, Verdict]:
    """Return how and when each reservation ends unless it is used, by id."""
    expired = ReservationStatus.EXPIRED
    ends = {
        reservation.id: [Verdict(expired, None, reservation.expires_at)]
        for reservation in reservations
    }
    for cancellation in cancellations:
        holder = _holder(same, cancellation.wire_id, cancellation.asked_at)
        if holder is None:
            continue
        cancelled = ReservationStatus.CANCELLED
        if cancellation.accepted:
            ends[holder.id].append(Verdict(cancelled, None, cancellation.answered_at))
        elif _was_held(holder, cancellation.asked_at):
            ends[holder.id].append(Verdict(cancelled, Reason.NOT_HELD, cancellation.answered_at))
    for reservation in reservations:
        ends[reservation.id] += [
            Verdict(ReservationStatus.CANCELLED, outage.reason, outage.at)
            for outage in outages
            if outage.ends(reservation)
        ]
        replaced_at = _replaced_at(reservation, same[reservation.wire_id])
        if replaced_at is not None:
            replaced = ReservationStatus.CANCELLED
            ends[reservation.id].append(Verdict(replaced, Reason.REPLACED, replaced_at))
    return {row_id: min(verdicts, key=_end_of) for row_id, verdicts in ends.items()}


def _end_of(verdict: Verdict) -> tuple[datetime, str]:
    assert verdict.ended_at is not None
    return verdict.ended_at, verdict.reason or ""


def _was_held(reservation: Reservation, at: datetime) -> bool:
    """Tell whether the station should have known the reservation when it was asked about it."""
    if reservation.answered_at is None or reservation.answer is Answer.NONE:
        return False
    return reservation.answered_at <= at


def _replaced_at(reservation: Reservation, same: Sequence[Reservation]) -> datetime | None:
    """Return when the station took another reservation under the same id (5.13)."""
    for index in range(bisect_right(same, reservation.age, key=_age), len(same)):
        if same[index].answer is Answer.ACCEPTED:
            return same[index].created_at
    return None


def _unnamed_use(
    reservation: Reservation, free: Iterable[ReservedStart], end: Verdict
) -> ReservedStart | None:
    """Return the first start by the token while the station held this for it, or may have."""
    if reservation.answer not in (Answer.ACCEPTED, Answer.UNKNOWN):
        return None
    for start in free:
        if (
            reservation.created_at <= start.at < (end.ended_at or reservation.expires_at)
            and reservation.connector_id in (0, start.connector_id)
            and reservation.admits(start)
        ):
            return start
    return None
