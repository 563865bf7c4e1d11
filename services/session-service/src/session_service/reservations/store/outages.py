"""Statements on connectors that went out of service, as far as reservations end by it."""

# ruff: noqa: S608 - statements are joined from constants of this module

from collections.abc import Collection, Iterable

from sqlalchemy import DateTime, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from session_service.reservations.domain import Outage, Reservation
from session_service.reservations.tables import reservation_outage
from session_service.values.keys import TenantStation

_OUTAGE = columns_of(reservation_outage, "tenant_id", "station_id", "connector_id", "at", "reason")
_ADD = text(
    f"INSERT INTO reservation_outage ({names(_OUTAGE)}) "
    f"SELECT {names(_OUTAGE)} FROM {unnest(_OUTAGE, 'new')} "
    "ORDER BY station_id, connector_id, at ON CONFLICT DO NOTHING"
)
_HELD = columns_of(
    reservation_outage, "tenant_id", "station_id", since=DateTime(True), until=DateTime(True)
)
_READ = text(
    "SELECT DISTINCT tenant_id, station_id, connector_id, at, reason FROM reservation_outage "
    f"JOIN {unnest(_HELD, 'held')} USING (tenant_id, station_id) "
    "WHERE at BETWEEN since AND until"
)
# A reservation may become known after what ended it, by the end of its command.
_FORGET = text(
    "DELETE FROM reservation_outage AS outage WHERE at < now() - interval '1 day' AND NOT EXISTS ("
    "SELECT FROM reservation WHERE reservation.station_id = outage.station_id "
    "AND outage.at BETWEEN reservation.created_at AND reservation.expires_at)"
)


async def add_outages(
    connection: AsyncConnection, outages: Iterable[tuple[TenantStation, Outage]]
) -> None:
    """Store which connectors went out of service, each outage once."""
    rows = [
        (*station, outage.connector_id, outage.at, outage.reason) for station, outage in outages
    ]
    await connection.execute(_ADD, arrays(_OUTAGE, rows))


async def read_outages(
    connection: AsyncConnection, reservations: Collection[Reservation]
) -> dict[TenantStation, list[Outage]]:
    """Return the outages while these could be held, by station."""
    held = [(one.tenant_id, one.station_id, one.created_at, one.expires_at) for one in reservations]
    rows = await connection.execute(_READ, arrays(_HELD, held))
    found: dict[TenantStation, list[Outage]] = {}
    for row in rows:
        found.setdefault((row.tenant_id, row.station_id), []).append(
            Outage(row.connector_id, row.at, row.reason)
        )
    return found


async def forget_outages(connection: AsyncConnection) -> None:
    """Delete outages of the past that no reservation met."""
    await connection.execute(_FORGET)
