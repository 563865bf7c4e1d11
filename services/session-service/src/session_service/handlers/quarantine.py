"""Reports in quarantine find their transaction when its start arrives, or by hand."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.calls import StationCall
from csms_shared.inbox import Work
from session_service.domain.matching import transaction_of_stop
from session_service.domain.stops import Transaction
from session_service.handlers.calls import ReceivedCall
from session_service.handlers.metering import MeterCall, place_report
from session_service.handlers.ocpp16 import read_meter_values, read_stop
from session_service.handlers.reports import Matches, record_matches
from session_service.store.quarantine import (
    STOP,
    lock_open,
    mark_reconciled,
    open_items,
    stations_to_retry,
)
from session_service.store.transactions import read_candidates


async def reconcile_stations(connection: AsyncConnection, stations: Collection[str]) -> None:
    """Attach what waits in quarantine to the transactions that now fit it."""
    items = await open_items(connection, stations)
    if not items:
        return
    candidates = await read_candidates(connection, {item.station_id for item in items})
    matches = Matches()
    matched: list[tuple[uuid.UUID, int]] = []
    for item in items:
        transaction = _match(item, candidates[item.station_id], matches)
        if transaction is not None:
            matched.append((item.id, transaction.id))
    await _finish(connection, matches, matched)


async def reconcile_waiting(connection: AsyncConnection) -> None:
    """Try recent items again: a start may have been deciding while its report was matched."""
    await reconcile_stations(connection, await stations_to_retry(connection))


async def attach(connection: AsyncConnection, item: Row[Any], transaction: Transaction) -> None:
    """Attach one item to a transaction that a person has chosen."""
    matches = Matches()
    received = _received(item)
    if item.kind == STOP:
        matches.stops.append((read_stop(received), transaction))
    else:
        report = read_meter_values(received)
        matches.reports.append((MeterCall(report, received.payload), transaction))
    await _finish(connection, matches, [(item.id, transaction.id)])


def _match(
    item: Row[Any], candidates: Sequence[Transaction], matches: Matches
) -> Transaction | None:
    received = _received(item)
    known = {candidate.id: candidate for candidate in candidates}
    if item.kind == STOP:
        stop = read_stop(received)
        found = known.get(stop.wire_id) or transaction_of_stop(candidates, stop)
        if found is not None:
            matches.stops.append((stop, found))
        return found
    report = read_meter_values(received)
    found = place_report(report, known, candidates)
    if found is not None:
        matches.reports.append((MeterCall(report, received.payload), found))
    return found


async def _finish(
    connection: AsyncConnection, matches: Matches, matched: Sequence[tuple[uuid.UUID, int]]
) -> None:
    if not matched:
        return
    await record_matches(connection, matches)
    still_open = await lock_open(connection, [item_id for item_id, _ in matched])
    await mark_reconciled(connection, [pair for pair in matched if pair[0] in still_open])


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
