"""All open items of the quarantine that a filter finds: attached, or set aside, in batches."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.bulk import BulkFailure, BulkOutcome
from csms_shared.contracts.sessions import DismissMany, ReconcileMany, TransactionName
from csms_shared.db.bulk_actions import busy, counted, done_once
from session_service.database.service_tables import bulk_action
from session_service.handling.isolation import each_apart
from session_service.quarantine.handlers.reconciling import (
    attach_items,
    can_be_read,
    reconcile_items,
)
from session_service.quarantine.store.items import dismiss, lock_open, still_open
from session_service.quarantine.store.pages import next_open_items, open_items
from session_service.transactions.domain.stops import Transaction
from session_service.transactions.handlers.requests import find_transaction
from session_service.transactions.store.transactions import stored_transaction


async def reconcile_many(connection: AsyncConnection, request: ReconcileMany) -> BulkOutcome:
    """Attach the next items that the filter finds to the chosen transaction, or to what fits."""
    if request.dry_run:
        await _chosen(connection, request)
        return await counted(connection, open_items(request))
    return await done_once(
        connection, bulk_action, request, lambda: _reconcile(connection, request)
    )


async def dismiss_many(connection: AsyncConnection, request: DismissMany) -> BulkOutcome:
    """Set the next items that the filter finds aside."""
    if request.dry_run:
        return await counted(connection, open_items(request))
    return await done_once(connection, bulk_action, request, lambda: _dismiss(connection, request))


async def _chosen(connection: AsyncConnection, request: ReconcileMany) -> Transaction | None:
    if request.transaction_id is None:
        return None
    named = TransactionName(tenant_id=request.tenant_id, transaction_id=request.transaction_id)
    return stored_transaction(await find_transaction(connection, named))


async def _reconcile(connection: AsyncConnection, request: ReconcileMany) -> BulkOutcome:
    chosen = await _chosen(connection, request)
    items, cursor = await next_open_items(connection, request)
    readable = [item for item in items if can_be_read(item)]
    failures = [_unknown_version(item) for item in items if not can_be_read(item)]
    held: set[uuid.UUID] = set()
    if chosen is not None:
        failures += [_other_station(item, chosen) for item in readable if not _fits(item, chosen)]

    async def attach(some: Sequence[Row[Any]]) -> list[uuid.UUID]:
        held.difference_update(item.id for item in some)
        if chosen is None:
            return list(await reconcile_items(connection, some, held, tenant_id=request.tenant_id))
        attached = await attach_items(connection, some, chosen, held)
        held.update(item.id for item in some if item.id not in attached)
        return list(attached)

    tried = [item for item in readable if chosen is None or _fits(item, chosen)]
    done, failed = await each_apart(connection, tried, attach)
    failures += [
        BulkFailure(id=str(item.id), code=why.code, detail=why.detail) for item, why in failed
    ]
    left = {item.id for item in tried}.difference(done, (item.id for item, _ in failed))
    # Nobody else has these: there is nothing that they fit, or they are closed.
    unmatched = await lock_open(connection, left - held)
    failures += [_no_match(item_id) for item_id in sorted(unmatched)]
    failures += await _taken(connection, left - unmatched)
    return _outcome(items, len(done), failures, cursor)


async def _dismiss(connection: AsyncConnection, request: DismissMany) -> BulkOutcome:
    items, cursor = await next_open_items(connection, request)
    ids = {item.id for item in items}
    mine = await lock_open(connection, ids)
    await dismiss(connection, mine)
    return _outcome(items, len(mine), await _taken(connection, ids - mine), cursor)


async def _taken(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> list[BulkFailure]:
    """Return failures of those that others had, and that are open still."""
    return [busy(item_id) for item_id in await still_open(connection, ids)]


def _fits(item: Row[Any], chosen: Transaction) -> bool:
    return bool(item.station_id == chosen.station_id)


def _outcome(
    items: Sequence[Row[Any]], done: int, failures: list[BulkFailure], cursor: str | None
) -> BulkOutcome:
    return BulkOutcome(
        matched=len(items),
        done=done,
        failed=len(failures),
        failures=failures,
        next_cursor=cursor,
    )


def _other_station(item: Row[Any], chosen: Transaction) -> BulkFailure:
    return BulkFailure(
        id=str(item.id),
        code="other_station",
        detail=f"transaction {chosen.id} is of station {chosen.station_id}",
    )


def _unknown_version(item: Row[Any]) -> BulkFailure:
    return BulkFailure(
        id=str(item.id),
        code="unknown_version",
        detail=f"its payload is of {item.ocpp_version}, which this release can't read",
    )


def _no_match(item_id: uuid.UUID) -> BulkFailure:
    return BulkFailure(
        id=str(item_id), code="no_match", detail="no single transaction of its station fits"
    )
