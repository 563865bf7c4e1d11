"""Paged reads of the quarantine, each order with an index of its own."""

from typing import Any

from sqlalchemy import (
    Select,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.sessions import (
    DismissMany,
    ListQuarantine,
    QuarantineFilter,
    QuarantineKind,
    ReconcileMany,
)
from csms_shared.db.cursors import (
    as_int32,
    as_int64,
    as_moment,
    as_text,
    as_uuid,
    decode_cursor,
    encode_cursor,
)
from session_service.database.paging import PageRows, between, limited
from session_service.database.tenants import is_of
from session_service.quarantine.tables import quarantine


async def page_of_quarantine(connection: AsyncConnection, query: ListQuarantine) -> PageRows:
    """Return items in quarantine, newest first."""
    table = quarantine.c
    statement = _quarantined(query).order_by(table.received_at.desc(), table.id.desc())
    if query.status is not None:
        statement = statement.where(table.status == query.status)
    if query.cursor is not None:
        key = tuple(decode_cursor(query.cursor, as_moment, as_uuid))
        statement = statement.where(tuple_(table.received_at, table.id) < key)
    rows, more = await limited(connection, statement, query.limit)
    if not more:
        return rows, None
    return rows, encode_cursor(rows[-1].received_at, rows[-1].id)


# Spelled out, as the index is: a plan for any parameters could not use it.
_OPEN = quarantine.c.status == literal_column("'open'")


_AS_SENT = (
    quarantine.c.station_id,
    quarantine.c.kind != literal_column(f"'{QuarantineKind.STOP.value}'"),
    quarantine.c.epoch,
    quarantine.c.seq,
    quarantine.c.id,
)


def open_items(batch: ReconcileMany | DismissMany) -> Select[Any]:
    """Select the open items behind the cursor that a filter finds."""
    statement = _quarantined(batch).where(_OPEN)
    if batch.cursor is None:
        return statement
    key = decode_cursor(batch.cursor, as_text, as_int32, as_int64, as_int64, as_uuid)
    station_id, no_stop, *rest = key
    return statement.where(tuple_(*_AS_SENT) > (station_id, no_stop > 0, *rest))


async def next_open_items(
    connection: AsyncConnection, batch: ReconcileMany | DismissMany
) -> PageRows:
    """Return the next open items by station, stops first, each kind as the station sent them."""
    statement = open_items(batch).order_by(*_AS_SENT)
    rows, more = await limited(connection, statement, batch.limit)
    if not more:
        return rows, None
    last = rows[-1]
    no_stop = int(last.kind != QuarantineKind.STOP)
    return rows, encode_cursor(last.station_id, no_stop, last.epoch, last.seq, last.id)


def _quarantined(query: QuarantineFilter) -> Select[Any]:
    table = quarantine.c
    statement = select(quarantine).where(
        is_of(quarantine, query.tenant_id),
        *between(table.received_at, query.received_from, query.received_to),
    )
    if query.station_id is not None:
        statement = statement.where(table.station_id == query.station_id)
    if query.kind is not None:
        statement = statement.where(table.kind == query.kind.value)
    return statement
