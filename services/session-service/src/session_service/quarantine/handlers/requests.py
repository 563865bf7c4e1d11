"""What operators ask of the quarantine: look, attach an item to a transaction, set it aside."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.contracts.sessions import (
    Dismiss,
    ListQuarantine,
    QuarantineView,
    Reconcile,
    TransactionName,
)
from csms_shared.values.times import format_time
from session_service.database.tenants import is_of
from session_service.quarantine.handlers.reconciling import attach_items, can_be_read
from session_service.quarantine.store.items import dismiss
from session_service.quarantine.store.pages import page_of_quarantine
from session_service.quarantine.tables import quarantine
from session_service.transactions.handlers.requests import find_transaction
from session_service.transactions.store.transactions import stored_transaction


async def list_quarantine(
    connection: AsyncConnection, query: ListQuarantine
) -> Page[QuarantineView]:
    """Return a page of the quarantine."""
    rows, cursor = await page_of_quarantine(connection, query)
    return Page(items=[_view(row) for row in rows], next_cursor=cursor)


async def reconcile_item(connection: AsyncConnection, request: Reconcile) -> QuarantineView:
    """Attach an item to a transaction of its station."""
    chosen = await find_transaction(
        connection,
        TransactionName(tenant_id=request.tenant_id, transaction_id=request.transaction_id),
    )
    # Before any lock on the transaction: others wait for that one while they have items.
    item = await _open_item(connection, request)
    if chosen.station_id != item.station_id:
        raise refuse(
            422,
            "other_station",
            f"transaction {chosen.id} is of station {chosen.station_id}",
            ("transaction_id", f"must be a transaction of {item.station_id}"),
        )
    if not can_be_read(item):
        raise refuse(
            409,
            "unknown_version",
            f"the item's payload is of {item.ocpp_version}, which this release can't read",
        )
    await attach_items(connection, [item], stored_transaction(chosen))
    return _view(await _item(connection, request.tenant_id, item.id))


async def dismiss_item(connection: AsyncConnection, request: Dismiss) -> QuarantineView:
    """Set an item aside."""
    item = await _open_item(connection, request)
    await dismiss(connection, [item.id])
    return _view(await _item(connection, request.tenant_id, item.id))


async def _open_item(connection: AsyncConnection, request: Reconcile | Dismiss) -> Row[Any]:
    try:
        key = UUID(request.id)
    except ValueError:
        raise _not_found(request.id) from None
    item = await _item(connection, request.tenant_id, key)
    if item.status != "open":
        raise refuse(409, "not_open", f"the item is {item.status} already")
    return item


async def _item(connection: AsyncConnection, tenant_id: str, key: UUID) -> Row[Any]:
    statement = select(quarantine).where(is_of(quarantine, tenant_id), quarantine.c.id == key)
    row = (await connection.execute(statement.with_for_update())).first()
    if row is None:
        raise _not_found(str(key))
    return row


def _view(row: Row[Any]) -> QuarantineView:
    return QuarantineView(
        id=str(row.id),
        kind=row.kind,
        station_id=row.station_id,
        connector_id=row.connector_id,
        wire_transaction_id=row.wire_transaction_id,
        id_token=row.id_token,
        received_at=format_time(row.received_at),
        reason=row.reason,
        status=row.status,
        transaction_id=row.transaction_id,
        ocpp_version=row.ocpp_version,
        payload=row.payload,
        attempts=row.attempts,
        tried_at=None if row.tried_at is None else format_time(row.tried_at),
    )


def _not_found(item_id: str) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no item {item_id} in quarantine")
