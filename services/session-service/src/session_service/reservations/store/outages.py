"""Statements on connectors that went out of service, as far as reservations end by it."""

from collections.abc import Collection, Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from session_service.reservations.domain import Outage, Reservation

_ADD = text(
    "INSERT INTO reservation_outage (station_id, connector_id, at, reason) "
    "SELECT * FROM unnest(CAST(:stations AS text[]), CAST(:connectors AS bigint[]), "
    "CAST(:times AS timestamptz[]), CAST(:reasons AS text[])) AS new ORDER BY 1, 2, 3 "
    "ON CONFLICT DO NOTHING"
)
_READ = text(
    "SELECT DISTINCT station_id, connector_id, at, reason FROM reservation_outage "
    "JOIN unnest(CAST(:stations AS text[]), CAST(:froms AS timestamptz[]), "
    "CAST(:tos AS timestamptz[])) AS held (station_id, since, until) USING (station_id) "
    "WHERE at BETWEEN since AND until"
)
# A reservation may become known after what ended it, by the end of its command.
_FORGET = text(
    "DELETE FROM reservation_outage AS outage WHERE at < now() - interval '1 day' AND NOT EXISTS ("
    "SELECT FROM reservation WHERE reservation.station_id = outage.station_id "
    "AND outage.at BETWEEN reservation.created_at AND reservation.expires_at)"
)


async def add_outages(connection: AsyncConnection, outages: Iterable[tuple[str, Outage]]) -> None:
    """Store which connectors went out of service, each outage once."""
    rows = list(outages)
    await connection.execute(
        _ADD,
        {
            "stations": [station_id for station_id, _ in rows],
            "connectors": [outage.connector_id for _, outage in rows],
            "times": [outage.at for _, outage in rows],
            "reasons": [outage.reason for _, outage in rows],
        },
    )


async def read_outages(
    connection: AsyncConnection, reservations: Collection[Reservation]
) -> dict[str, list[Outage]]:
    """Return the outages while these could be held, by station."""
    rows = await connection.execute(
        _READ,
        {
            "stations": [reservation.station_id for reservation in reservations],
            "froms": [reservation.created_at for reservation in reservations],
            "tos": [reservation.expires_at for reservation in reservations],
        },
    )
    found: dict[str, list[Outage]] = {}
    for row in rows:
        found.setdefault(row.station_id, []).append(Outage(row.connector_id, row.at, row.reason))
    return found


async def forget_outages(connection: AsyncConnection) -> None:
    """Delete outages of the past that no reservation met."""
    await connection.execute(_FORGET)
