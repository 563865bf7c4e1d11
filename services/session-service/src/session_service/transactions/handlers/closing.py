"""Transactions that operators end, because their stations will not."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.bulk import BulkFailure, BulkOutcome
from csms_shared.contracts.sessions import CloseTransactions, WithoutReading
from csms_shared.db.bulk_actions import busy, counted, done_once
from csms_shared.db.outbox import write_events
from csms_shared.runtime.clock import utc_now
from session_service.database.service_tables import bulk_action, outbox
from session_service.handling.isolation import each_apart
from session_service.transactions.domain.stops import Transaction, close_by_hand
from session_service.transactions.handlers.events import transaction_stopped
from session_service.transactions.handlers.live_figures import LiveChanges, keep_live
from session_service.transactions.store.last_readings import last_readings
from session_service.transactions.store.pages import next_to_close, to_close
from session_service.transactions.store.transactions import (
    close_transactions,
    lock_open_transactions,
    read_transactions,
)

Closing = tuple[Transaction, int]


async def end_by_hand(
    connection: AsyncConnection, closings: Sequence[Closing], reason: str, closed_by: str
) -> None:
    """End open transactions that are locked, each with its last reading in Wh, and tell of it.

    To be called last: others wait for the live figures of these until the commit.
    """
    now = utc_now()
    closed = [
        close_by_hand(transaction, meter_stop, reason, now) for transaction, meter_stop in closings
    ]
    await close_transactions(connection, closed, closed_by)
    await write_events(connection, outbox, [transaction_stopped(one, closed_by) for one in closed])
    of = {one.id: one for one in closed}
    await keep_live(connection, LiveChanges(of=of, ended=of.keys()))


async def close_many(connection: AsyncConnection, request: CloseTransactions) -> BulkOutcome:
    """End the next transactions that the filter finds; one that somebody else has is left."""
    if request.dry_run:
        return await counted(connection, to_close(request))
    return await done_once(connection, bulk_action, request, lambda: _close(connection, request))


async def _close(connection: AsyncConnection, request: CloseTransactions) -> BulkOutcome:
    ids, cursor = await next_to_close(connection, request)
    locked = await lock_open_transactions(connection, ids, request.status.value)

    async def end(some: Sequence[Transaction]) -> list[int]:
        closings = await _readings(connection, some, request.without_reading)
        if closings:
            await end_by_hand(connection, closings, request.reason, request.closed_by)
        return [transaction.id for transaction, _ in closings]

    done, failed = await each_apart(connection, locked, end)
    failures = [
        BulkFailure(id=str(transaction.id), code=why.code, detail=why.detail)
        for transaction, why in failed
    ]
    tried = {*done, *(transaction.id for transaction, _ in failed)}
    failures += [_no_reading(one) for one in locked if one.id not in tried]
    left = set(ids).difference(transaction.id for transaction in locked)
    others = await read_transactions(connection, left)
    failures += [busy(id) for id, one in others.items() if one.status == request.status]
    return BulkOutcome(
        matched=len(ids),
        done=len(done),
        failed=len(failures),
        failures=failures,
        next_cursor=cursor,
    )


async def _readings(
    connection: AsyncConnection, transactions: Sequence[Transaction], without: WithoutReading
) -> list[Closing]:
    """Return those that can end, each with the reading that it is to end with."""
    known = await last_readings(connection, transactions)
    if without is WithoutReading.METER_START:
        return [(one, known.get(one.id, one.meter_start)) for one in transactions]
    return [(one, known[one.id]) for one in transactions if one.id in known]


def _no_reading(transaction: Transaction) -> BulkFailure:
    return BulkFailure(
        id=str(transaction.id),
        code="no_reading",
        detail="no reading of its register is stored that is not below meter_start",
    )
