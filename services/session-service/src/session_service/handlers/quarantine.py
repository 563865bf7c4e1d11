"""Reports in quarantine find their transaction when its start arrives, in turns, or by hand."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.calls import StationCall
from csms_shared.inbox import Work
from session_service.domain.matching import Candidates
from session_service.domain.stamps import Stamp
from session_service.domain.starts import Start
from session_service.domain.stops import Stop, Transaction
from session_service.handlers.calls import ReceivedCall
from session_service.handlers.metering import MeterCall, place_report
from session_service.handlers.ocpp16 import read_meter_values, read_stop
from session_service.handlers.reports import Matches, match_stop, record_matches
from session_service.handlers.side_features import concerns_all
from session_service.store.quarantine import (
    STOP,
    due_items,
    items_sent_after,
    lock_open,
    mark_reconciled,
    postpone,
)
from session_service.store.transactions import read_candidates, read_transactions

log = structlog.get_logger(__name__)


class _NotOpen(Exception):
    """Somebody else has reconciled or dismissed these items since they were read."""

    def __init__(self, ids: set[uuid.UUID]) -> None:
        super().__init__(f"not open any more: {sorted(map(str, ids))}")
        self.ids = ids


async def reconcile_started(connection: AsyncConnection, starts: Iterable[Start]) -> None:
    """Attach what was sent after these starts to the transactions that now fit it."""
    earliest: dict[str, Stamp] = {}
    for start in starts:
        known = earliest.get(start.station_id, start.stamp)
        earliest[start.station_id] = min(known, start.stamp)
    await _reconcile(connection, await items_sent_after(connection, earliest))


async def reconcile_due(connection: AsyncConnection) -> None:
    """Try items whose turn it is: a start may have been deciding while its report was matched.

    Each station by itself: what fails for one is tried again later, as what fits nothing is.
    """
    for station_id, items in (await due_items(connection)).items():
        matched: set[uuid.UUID] = set()
        try:
            async with connection.begin_nested():
                matched = await _reconcile(connection, items)
        except Exception as error:
            if concerns_all(error):
                raise
            log.exception("quarantine_not_reconciled", station_id=station_id)
        waiting = {item.id for item in items} - matched
        await postpone(connection, await lock_open(connection, waiting))


async def _reconcile(connection: AsyncConnection, items: Sequence[Row[Any]]) -> set[uuid.UUID]:
    """Attach what fits; return the ids of those items.

    Two replicas may match one item with two transactions, as neither sees what the other is
    storing. It counts for one: whoever comes second leaves it, and matches the others again.
    """
    left = list(items)
    while left:
        try:
            async with connection.begin_nested():
                return await _attach_fitting(connection, left)
        except _NotOpen as error:
            left = [item for item in left if item.id not in error.ids]
    return set()


async def _attach_fitting(connection: AsyncConnection, items: Sequence[Row[Any]]) -> set[uuid.UUID]:
    stamps = {(item.station_id, (item.epoch, item.seq)) for item in items}
    candidates = await read_candidates(connection, stamps)
    wire_ids = {item.wire_transaction_id for item in items if item.wire_transaction_id is not None}
    known = await read_transactions(connection, wire_ids)
    matches = Matches()
    matched: list[tuple[uuid.UUID, int]] = []
    # Stops first, as in a batch of reports.
    for item in sorted(items, key=lambda item: (item.kind != STOP, item.epoch, item.seq)):
        transaction = _match(item, known, candidates, matches)
        if transaction is not None:
            matched.append((item.id, transaction.id))
    await _finish(connection, matches, matched)
    return {item_id for item_id, _ in matched}


async def attach(connection: AsyncConnection, item: Row[Any], transaction: Transaction) -> None:
    """Attach one item to a transaction that a person has chosen."""
    matches = Matches()
    received = _received(item)
    if item.kind == STOP:
        matches.stops.append((_stop(item, received), transaction))
    else:
        report = read_meter_values(received)
        matches.reports.append((MeterCall(report, received.payload), transaction))
    await _finish(connection, matches, [(item.id, transaction.id)])


def _match(
    item: Row[Any],
    known: dict[int, Transaction],
    candidates: dict[str, Candidates],
    matches: Matches,
) -> Transaction | None:
    received = _received(item)
    if item.kind == STOP:
        return match_stop(_stop(item, received), known, candidates, matches)
    report = read_meter_values(received)
    found = place_report(report, known, candidates[item.station_id])
    if found is not None:
        matches.reports.append((MeterCall(report, received.payload), found))
    return found


async def _finish(
    connection: AsyncConnection, matches: Matches, matched: Sequence[tuple[uuid.UUID, int]]
) -> None:
    if not matched:
        return
    await record_matches(connection, matches)
    wanted = {item_id for item_id, _ in matched}
    # Last, as others lock transactions before items: what is found to be gone is undone.
    gone = wanted - await lock_open(connection, wanted)
    if gone:
        raise _NotOpen(gone)
    await mark_reconciled(connection, matched)


def _stop(item: Row[Any], received: ReceivedCall) -> Stop:
    return replace(read_stop(received), boot_count=item.boot_count)


def _received(item: Row[Any]) -> ReceivedCall:
    received_ms = int(item.received_at.timestamp() * 1000)
    call = StationCall(
        station_id=item.station_id,
        connection_id=item.connection_id,
        epoch=item.epoch,
        seq=item.seq,
        received_ms=received_ms,
        deadline_ms=0,
        payload=item.payload,
    )
    return ReceivedCall(Work("", {}, None), call, item.received_at)
