"""StopTransaction: which of several stops counts, in whatever order they come.

One that names the transaction by its id before one that was matched with it (ADR 0026); of each
kind the one that the station sent first.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from csms_shared.values.id_tokens import token_key
from csms_shared.values.tenant_keys import key_in_tenant
from csms_shared.values.times import plausible
from session_service.metering.domain import Sample
from session_service.tokens.domain import is_free_vend
from session_service.values.stamps import BEFORE_ANY, Stamp
from session_service.values.suspicion import (
    CLOCK_FLAGS,
    Flag,
    clock_flags,
    duration_flags,
    energy_flags,
)

Named = tuple[str, str]  # (station id, what the station calls its transaction)


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop as the station sent it; `payload` is what it sent without the meter values.

    `named_id` is the transaction's id as sent, and `names_one` tells whether it can be one: who was
    given none may have sent something in its place. `tenant_id` is the station's now, which may be
    another one than the transaction's; `token_key` has no tenant. `ocpp_version` is that of the
    payload, which is read by it again.

    `sent_at` is what its text says, of any year; None where it is no time. `boot_count` is the
    boot that it was sent in, None where that was not kept.
    """

    station_id: str
    tenant_id: str
    named_id: str
    names_one: bool
    id_token: str | None
    token_key: str | None
    sent_at: datetime | None
    meter_stop: int
    reason: str
    connection_id: str
    stamp: Stamp
    received_at: datetime
    ocpp_version: str
    payload: dict[str, Any]
    samples: tuple[Sample, ...] = ()
    boot_count: int | None = None

    @property
    def named(self) -> Named:
        """The transaction that it names, by its station and what the station calls it."""
        return self.station_id, self.named_id

    @property
    def stopped_at(self) -> datetime:
        """When it stopped, as well as can be known."""
        return self.told_at or self.received_at

    @property
    def told_at(self) -> datetime | None:
        """When it stopped as the station tells it, None where it tells no time that can be."""
        return plausible(self.sent_at)


@dataclass(frozen=True, slots=True)
class StopCall:
    """A stop with the payload that it was read from."""

    stop: Stop
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """What a transaction's end is told as."""

    stopped_at: datetime
    meter_stop: int
    reason: str | None
    id_token: str | None


@dataclass(frozen=True, slots=True)
class Transaction:
    """A stored transaction.

    `station_transaction_id` is what its station calls it: in OCPP 1.6 the `id` that we gave it.
    `tenant_id` is whose the station was when it began, and everything said of it stays with that
    one; `token_key` has no tenant. `stamp` is its start's. `stop_stamp` is that of the best stop of
    the station, None until there is one; `stop_matched` tells that this stop did not name the
    transaction, `stop_boot_count` in which boot it was sent, None where that was not kept. The best
    stop counts, unless the transaction is `closed` by hand. `revision` is how often its end has
    been told.
    """

    id: int
    station_transaction_id: str
    key: bytes
    station_id: str
    tenant_id: str
    evse_id: int
    connector_id: int
    id_token: str
    token_key: str
    token_group: str | None
    started_at: datetime
    meter_start: int
    status: str
    flags: frozenset[str]
    stamp: Stamp = BEFORE_ANY
    stop_stamp: Stamp | None = None
    stop_matched: bool = False
    stop_boot_count: int | None = None
    stopped_at: datetime | None = None
    meter_stop: int | None = None
    stop_reason: str | None = None
    stop_id_token: str | None = None
    closed: bool = False
    revision: int = 0

    @property
    def named(self) -> Named:
        """What reports call it."""
        return self.station_id, self.station_transaction_id

    @property
    def end(self) -> End | None:
        """How it ended, None while it goes on."""
        if self.stopped_at is None or self.meter_stop is None:
            return None
        return End(self.stopped_at, self.meter_stop, self.stop_reason, self.stop_id_token)

    @property
    def has_odd_clock(self) -> bool:
        """Tell whether times of it can't be compared with others."""
        return not self.flags.isdisjoint(CLOCK_FLAGS)

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

    def ran_at(self, stamp: Stamp) -> bool:
        """Tell whether it had not ended, by the station's own order, when this was sent."""
        return not self.closed and (self.stop_stamp is None or stamp < self.stop_stamp)


def decide_stop(
    transaction: Transaction, stop: Stop, token_groups: dict[str, str | None]
) -> Transaction:
    """Return the transaction after one more stop.

    A stop that counts for nothing stays as evidence, and may leave flags. `token_groups`: the
    groups of the tokens that stops name, by their keys in the transaction's tenant.
    """
    if transaction.stop_stamp == stop.stamp:
        return transaction
    matched = stop.named_id != transaction.station_transaction_id
    flags = set(transaction.flags) | stop_flags(transaction, stop, token_groups)
    if matched and stop.samples:
        flags.add(Flag.VALUES_MATCHED_WITHOUT_ID)
    if transaction.closed:
        flags.add(Flag.STOP_AFTER_CLOSE)
    elif transaction.stop_stamp is not None and not transaction.ended_like(stop):
        flags.add(Flag.CONFLICTING_STOPS)
    if transaction.stop_stamp is not None and (
        (matched, stop.stamp) > (transaction.stop_matched, transaction.stop_stamp)
    ):
        return replace(transaction, flags=frozenset(flags))
    flags.discard(Flag.MATCHED_WITHOUT_ID)
    if matched:
        flags.add(Flag.MATCHED_WITHOUT_ID)
    if transaction.closed:
        return replace(
            transaction,
            stop_stamp=stop.stamp,
            stop_matched=matched,
            stop_boot_count=stop.boot_count,
            flags=frozenset(flags),
        )
    return replace(
        transaction,
        status="completed",
        stop_stamp=stop.stamp,
        stop_matched=matched,
        stop_boot_count=stop.boot_count,
        stopped_at=stop.stopped_at,
        meter_stop=stop.meter_stop,
        stop_reason=stop.reason,
        stop_id_token=stop.id_token,
        flags=frozenset(flags),
    )


def close_by_hand(
    transaction: Transaction, meter_stop: int, reason: str, at: datetime
) -> Transaction:
    """Return a transaction that had not ended as an operator ends it, at a full millisecond."""
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    flags = {*transaction.flags, Flag.CLOSED_BY_HAND}
    flags |= energy_flags(transaction.meter_start, meter_stop)
    flags |= duration_flags(transaction.started_at, at, transaction.meter_start, meter_stop)
    return replace(
        transaction,
        status="completed",
        stopped_at=at,
        meter_stop=meter_stop,
        stop_reason=reason,
        closed=True,
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
    group = token_groups.get(key_in_tenant(transaction.tenant_id, key))
    own_group = transaction.token_group
    # A group is told to stations as parentIdTag, which is compared without case as well.
    return group is None or own_group is None or token_key(group) != token_key(own_group)
