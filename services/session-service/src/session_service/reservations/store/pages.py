"""Paged reads of reservations."""

from sqlalchemy import (
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.reservations import ListReservations
from csms_shared.db.cursors import (
    as_int32,
    decode_cursor,
    encode_cursor,
)
from session_service.database.paging import PageRows, limited
from session_service.database.tenants import is_of
from session_service.places.store import stands_within
from session_service.reservations.tables import reservation
from session_service.values.keys import token_key_in_tenant


async def page_of_reservations(connection: AsyncConnection, query: ListReservations) -> PageRows:
    """Return reservations, newest first."""
    table = reservation.c
    statement = select(reservation).where(is_of(reservation, query.tenant_id))
    statement = statement.where(*stands_within(table.station_id, query))
    statement = statement.order_by(table.id.desc())
    if query.station_id is not None:
        statement = statement.where(table.station_id == query.station_id)
    if query.status is not None:
        statement = statement.where(table.status == query.status.value)
    if query.id_token is not None:
        key = token_key_in_tenant(query.tenant_id, query.id_token)
        statement = statement.where(table.token_key == key)
    if query.cursor is not None:
        (row_id,) = decode_cursor(query.cursor, as_int32)
        statement = statement.where(table.id < row_id)
    rows, more = await limited(connection, statement, query.limit)
    return rows, encode_cursor(rows[-1].id) if more else None
