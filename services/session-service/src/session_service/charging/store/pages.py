"""Paged reads of charging profiles."""

from sqlalchemy import (
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.charging import ListChargingProfiles
from csms_shared.db.cursors import (
    as_moment,
    as_uuid,
    decode_cursor,
    encode_cursor,
)
from session_service.charging.tables import charging_profile
from session_service.database.paging import PageRows, limited
from session_service.database.tenants import is_of


async def page_of_charging_profiles(
    connection: AsyncConnection, query: ListChargingProfiles
) -> PageRows:
    """Return a station's charging profiles, the last one sent first."""
    table = charging_profile.c
    statement = (
        select(charging_profile)
        .where(is_of(charging_profile, query.tenant_id), table.station_id == query.station_id)
        .order_by(table.sent_at.desc(), table.command_id.desc())
    )
    states = ("waiting", "installed") if query.state is None else (query.state.value,)
    statement = statement.where(table.state.in_(states))
    if query.connector_id is not None:
        statement = statement.where(table.connector_id == query.connector_id)
    if query.cursor is not None:
        key = tuple(decode_cursor(query.cursor, as_moment, as_uuid))
        statement = statement.where(tuple_(table.sent_at, table.command_id) < key)
    rows, more = await limited(connection, statement, query.limit)
    last = rows[-1] if more else None
    return rows, last and encode_cursor(last.sent_at, last.command_id)
