"""Reports in quarantine find their transaction when its start arrives, in turns, or by hand.

An item is locked before its report is recorded, so that two who find it a transaction each never
record it with both. Nobody who holds a transaction waits for an item: one that somebody else has
is left to them.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.isolation import apply_apart
from session_service.handling.calls import stored_call
from session_service.handling.side_features import concerns_all
from session_service.metering.domain import MeterCall
from session_service.ocpp.stored.reports import METER_VALUES, STOPS
from session_service.quarantine.store.items import (
    STOP,
    due_items,
    items_sent_after,
    lock_open,
    mark_reconciled,
    postpone,
)
from session_service.transactions.domain.matching import Candidates
from session_service.transactions.domain.starts import Start
from session_service.transactions.domain.stops import Named, Stop, Transaction
from session_service.transactions.handlers.meter_values import place_report
from session_service.transactions.handlers.reports import Matches, match_stop, record_matches
from session_service.transactions.store.transactions import (
    lock_free_transactions,
    read_candidates,
    read_named,
)
from session_service.values.stamps import Stamp

log = structlog.get_logger(__name__)


async def reconcile_started(connection: AsyncConnection, starts: Iterable[Start]) -> None:
    """Attach what was sent after these starts to the transactions that now fit it."""
    earliest: dict[str, Stamp] = {}
    for start in starts:
        known = earliest.get(start.station_id, start.stamp)
        earliest[start.station_id] = min(known, start.stamp)
    await reconcile_items(connection, await items_sent_after(connection, earliest))


async def reconcile_due(connection: AsyncConnection) -> None:
    """Try items whose turn it is: a start may have been deciding while its report was matched.

    All together; where that fails, each station by itself. What fails for one is tried again
    later, as what fits nothing is.
    """
    due = await due_items(connection)
    matched, failures = await apply_apart(
        connection, list(due.values()), _reconcile_stations, concerns_all
    )
    for failure in failures:
        log.error(
            "quarantine_not_reconciled",
            station_id=failure.work[0].station_id,
            exc_info=failure.error,
        )
    waiting = {item.id for items in due.values() for item in items} - set(matched)
    await postpone(connection, await lock_open(connection, waiting))


async def _reconcile_stations(
    connection: AsyncConnection, stations: Sequence[Sequence[Row[Any]]]
) -> list[uuid.UUID]:
    return list(await reconcile_items(connection, [item for items in stations for item in items]))


async def reconcile_items(
    connection: AsyncConnection,
    items: Sequence[Row[Any]],
    held: set[uuid.UUID] | None = None,
    *,
    tenant_id: str | None = None,
) -> set[uuid.UUID]:
    """Attach what fits and nobody else has; return the ids of those items.

    Where `held` is given, transactions that others have are not waited for: it gets their items,
    and those whose fate hangs on an item that others have. `tenant_id`: who asks for it, to whose
    transactions alone they are attached.
    """
    left, found = list(items), dict[uuid.UUID, int]()
    while left:
        matched = [
            one
            for one in await _fitting(connection, left, tenant_id)
            if found.get(one.item_id, one.transaction.id) == one.transaction.id
        ]
        found = {one.item_id: one.transaction.id for one in matched}
        mine = await lock_open(connection, found)
        if len(mine) == len(found):
            return await _attach(connection, matched, held)
        if held is not None:
            others = {item.station_id for item in left if item.id in found and item.id not in mine}
            held.update(item.id for item in items if item.station_id in others)
        # What becomes of the others is not known. What fits the same with them and without them
        # is attached: without a stop, one that was sent after it may be taken for it.
        left = [item for item in left if item.id in mine]
    return set()


async def attach_items(
    connection: AsyncConnection,
    items: Sequence[Row[Any]],
    transaction: Transaction,
    held: set[uuid.UUID] | None = None,
) -> set[uuid.UUID]:
    """Attach items to a transaction that a person has chosen, but for those that others have.

    Returns the ids of those that were attached; `held` as above.
    """
    mine = await lock_open(connection, [item.id for item in items])
    chosen = [
        _Matched(item.id, said, transaction)
        for item in items
        if item.id in mine and (said := _said(item)) is not None
    ]
    return await _attach(connection, chosen, held)


def can_be_read(item: Row[Any]) -> bool:
    """Tell whether an item's report is of an OCPP version that is known here.

    A newer program has stored what is not; it stays as it is until one looks at it.
    """
    return (STOPS if item.kind == STOP else METER_VALUES).knows(item.ocpp_version)


async def _fitting(
    connection: AsyncConnection, items: Sequence[Row[Any]], tenant_id: str | None
) -> list["_Matched"]:
    stamps = {(item.station_id, (item.epoch, item.seq)) for item in items}
    candidates = await read_candidates(connection, stamps, tenant_id)
    # Stops first, as in a batch of reports.
    in_order = sorted(items, key=lambda item: (item.kind != STOP, item.epoch, item.seq))
    read = [(item, said) for item in in_order if (said := _said(item)) is not None]
    names = (said.named if isinstance(said, Stop) else said.report.named for _, said in read)
    known = await read_named(connection, {name for name in names if name is not None}, tenant_id)
    matched = [_match(item, said, known, candidates) for item, said in read]
    return [one for one in matched if one is not None]


async def _attach(
    connection: AsyncConnection, matched: Sequence["_Matched"], held: set[uuid.UUID] | None
) -> set[uuid.UUID]:
    """Record reports of items that are locked."""
    mine = {one.item_id for one in matched}
    if held is not None:
        free = await lock_free_transactions(connection, {one.transaction.id for one in matched})
        mine = {one.item_id for one in matched if one.transaction.id in free}
        held |= {one.item_id for one in matched}
        held -= mine
    matches = Matches()
    for one in matched:
        if one.item_id in mine:
            one.add_to(matches)
    if mine:
        await record_matches(connection, matches)
        pairs = [(one.item_id, one.transaction.id) for one in matched if one.item_id in mine]
        await mark_reconciled(connection, pairs)
    return mine


@dataclass(frozen=True, slots=True)
class _Matched:
    """An item's report with the transaction that it belongs to."""

    item_id: uuid.UUID
    said: Stop | MeterCall
    transaction: Transaction

    def add_to(self, matches: Matches) -> None:
        if isinstance(self.said, Stop):
            matches.stops.append((self.said, self.transaction))
        else:
            matches.reports.append((self.said, self.transaction))


def _match(
    item: Row[Any],
    said: Stop | MeterCall,
    known: Mapping[Named, Transaction],
    candidates: dict[str, Candidates],
) -> _Matched | None:
    if isinstance(said, Stop):
        found = match_stop(said, known, candidates, Matches())
    else:
        found = place_report(said.report, known, candidates[item.station_id])
    return None if found is None else _Matched(item.id, said, found)


def _said(item: Row[Any]) -> Stop | MeterCall | None:
    """Return an item's report, None where it can't be read here."""
    received = stored_call(item.station_id, item.tenant_id, item)
    if item.kind == STOP:
        read_stop = STOPS.find(item.ocpp_version)
        return read_stop and replace(read_stop(received), boot_count=item.boot_count)
    read_values = METER_VALUES.find(item.ocpp_version)
    return read_values and read_values(received)
