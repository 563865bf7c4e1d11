"""StopTransaction: of several stops the one sent first counts, in whatever order they come."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from csms_shared.values.times import plausible
from session_service.domain.authorization import is_free_vend, token_key
from session_service.domain.metering import Sample
from session_service.domain.stamps import Stamp
from session_service.domain.suspicion import Flag, clock_flags, duration_flags, energy_flags


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop as the station sent it; `payload` is what it sent without the meter values.

    `sent_at` is what its text says, of any year; None where it is no time.
    """

    station_id: str
    wire_id: int
    id_token: str | None
    token_key: str | None
    sent_at: datetime | None
    meter_stop: int
    reason: str
    connection_id: str
    stamp: Stamp
    received_at: datetime
    payload: dict[str, Any]
    samples: tuple[Sample, ...] = ()

    @property
    def stopped_at(self) -> datetime:
        """When it stopped, as well as can be known."""
        return self.told_at or self.received_at

    @property
    def told_at(self) -> datetime | None:
        """When it stopped as the station tells it, None where it tells no time that can be."""
        return plausible(self.sent_at)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A stored transaction; `stop_stamp` is None until a station's stop has been applied."""

    id: int
    key: bytes
    station_id: str
    connector_id: int
    id_token: str
    token_key: str
    token_group: str | None
    started_at: datetime
    meter_start: int
    status: str
    flags: frozenset[str]
    stop_stamp: Stamp | None = None
    stopped_at: datetime | None = None
    meter_stop: int | None = None
    stop_reason: str | None = None
    stop_id_token: str | None = None
    closed: bool = False

    @property
    def is_untimed(self) -> bool:
        """Tell whether a time of it may be ours, because the station told none that can be."""
        return not self.flags.isdisjoint({Flag.CLOCK_NOT_SET, Flag.UNREADABLE_TIME})

    def ended_like(self, stop: Stop) -> bool:
        """Tell whether this stop says of the end what is known of it already.

        Copies of a stop without a time have none in common: each was received at its own.
        """
        untimed = stop.told_at is None or self.is_untimed
        return self.meter_stop == stop.meter_stop and (
            untimed or self.stopped_at == stop.stopped_at
        )

    @property
    def is_open(self) -> bool:
        """Tell whether it has not ended by a stop or by hand."""
        return self.stop_stamp is None and not self.closed


class StopOutcome(StrEnum):
    """What became of a stop."""

    APPLIED = "applied"
    EVIDENCE = "evidence"
    KNOWN = "known"


def decide_stop(
    transaction: Transaction, stop: Stop, token_groups: dict[str, str | None]
) -> tuple[StopOutcome, Transaction]:
    """Return what becomes of `stop`, and the transaction afterwards.

    `token_groups`: the groups of the tokens that stops name.
    """
    if transaction.stop_stamp == stop.stamp:
        return StopOutcome.KNOWN, transaction
    flags = set(transaction.flags) | stop_flags(transaction, stop, token_groups)
    if transaction.closed:
        flags.add(Flag.STOP_AFTER_CLOSE)
        return StopOutcome.EVIDENCE, replace(transaction, flags=frozenset(flags))
    if transaction.stop_stamp is not None:
        if not transaction.ended_like(stop):
            flags.add(Flag.CONFLICTING_STOPS)
        if stop.stamp > transaction.stop_stamp:
            return StopOutcome.EVIDENCE, replace(transaction, flags=frozenset(flags))
    return StopOutcome.APPLIED, replace(
        transaction,
        status="completed",
        stop_stamp=stop.stamp,
        stopped_at=stop.stopped_at,
        meter_stop=stop.meter_stop,
        stop_reason=stop.reason,
        stop_id_token=stop.id_token,
        flags=frozenset(flags),
    )


def stop_flags(
    transaction: Transaction, stop: Stop, token_groups: dict[str, str | None]
) -> set[Flag]:
    """Judge a stop against the start of its transaction."""
    flags = clock_flags(stop.sent_at, stop.received_at)
    flags |= energy_flags(transaction.meter_start, stop.meter_stop)
    if stop.told_at is not None:
        flags |= duration_flags(
            transaction.started_at, stop.told_at, transaction.meter_start, stop.meter_stop
        )
    if _is_foreign(transaction, stop, token_groups):
        flags.add(Flag.FOREIGN_STOP_TOKEN)
    return flags


def _is_foreign(transaction: Transaction, stop: Stop, token_groups: dict[str, str | None]) -> bool:
    """Tell whether somebody stopped it who neither started it nor shares the group."""
    key = stop.token_key
    if key is None or is_free_vend(key) or key == transaction.token_key:
        return False
    group, own_group = token_groups.get(key), transaction.token_group
    # A group is told to stations as parentIdTag, which is compared without case as well.
    return group is None or own_group is None or token_key(group) != token_key(own_group)
