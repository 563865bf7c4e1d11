"""Who holds which socket: one row per station, written only under the station's lock.

The sweep of expired leases is the exception: it deletes rows that nobody has locked.
"""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.values.texts import is_storable
from station_registry.database.sql import at, statement
from station_registry.database.tenants import TENANT_OF_STATION
from station_registry.ownership.domain.owners import Owner
from station_registry.ownership.tables import station_connection

_LOCK_OWNERS = statement(
    "SELECT station_id, gateway_id, connection_id, epoch FROM station_connection "
    "WHERE station_id = ANY(:ids) ORDER BY station_id FOR UPDATE"
)
_HELD = columns_of(station_connection, "station_id", "gateway_id", "connection_id", "epoch")
_STILL_HELD = statement(
    "SELECT c.station_id, c.gateway_id, c.connection_id, c.epoch FROM station_connection c "
    f"JOIN {unnest(_HELD)} ON c.station_id = d.station_id AND c.gateway_id = d.gateway_id "
    "AND c.connection_id = d.connection_id AND c.epoch = d.epoch"
)
_ROW = (
    *_HELD,
    *columns_of(station_connection, "ocpp_version", "remote_address", "connected_at"),
)
_SAVE = statement(
    f"INSERT INTO station_connection ({names(_ROW)}, tenant_id) "
    f"SELECT d.*, {TENANT_OF_STATION} FROM {unnest(_ROW)} ORDER BY station_id "
    "ON CONFLICT (station_id) DO UPDATE SET tenant_id = excluded.tenant_id, "
    "gateway_id = excluded.gateway_id, "
    "connection_id = excluded.connection_id, epoch = excluded.epoch, "
    "ocpp_version = excluded.ocpp_version, remote_address = excluded.remote_address, "
    "connected_at = excluded.connected_at"
)
_OF_TENANTS = statement(
    "SELECT station_id FROM station s JOIN station_connection c USING (station_id) "
    "WHERE s.tenant_id = ANY(:tenants) AND s.deleted_at IS NULL ORDER BY station_id LIMIT :most"
)
_DELETE = statement("DELETE FROM station_connection WHERE station_id = ANY(:ids)")
# The gateway's row is written too: a renewal that waits for it must see that it came too late.
_SWEEP = statement(
    "WITH ended AS (UPDATE gateway SET ended_at = now() WHERE gateway_id IN ("
    "SELECT gateway_id FROM gateway g WHERE lease_expires_at < now() AND EXISTS ("
    "SELECT FROM station_connection c WHERE c.gateway_id = g.gateway_id) "
    "ORDER BY gateway_id FOR UPDATE SKIP LOCKED) RETURNING gateway_id, lease_expires_at) "
    "DELETE FROM station_connection c USING (SELECT c.station_id, ended.lease_expires_at "
    "FROM station_connection c JOIN ended USING (gateway_id) ORDER BY c.station_id LIMIT :most "
    "FOR UPDATE OF c SKIP LOCKED) AS e WHERE c.station_id = e.station_id "
    "RETURNING c.station_id, c.gateway_id, c.connection_id, c.epoch, e.lease_expires_at"
)


@dataclass(frozen=True, slots=True)
class HeldConnection:
    """A row of `station_connection` to be."""

    station_id: str
    owner: Owner
    ocpp_version: str
    remote_address: str
    connected_ms: int


async def lock_owners(connection: AsyncConnection, ids: list[str]) -> dict[str, Owner]:
    """Lock the connections of stations that are locked already."""
    rows = await connection.execute(_LOCK_OWNERS, {"ids": ids})
    return {row.station_id: Owner(row.gateway_id, row.connection_id, row.epoch) for row in rows}


async def still_held(
    connection: AsyncConnection, held: Iterable[tuple[str, Owner]]
) -> set[tuple[str, Owner]]:
    """Return those stations and owners whose row is exactly this now; locks nothing."""
    rows = [
        (station_id, owner.gateway_id, owner.connection_id, owner.epoch)
        for station_id, owner in held
        if is_storable(station_id)
    ]
    found = await connection.execute(_STILL_HELD, arrays(_HELD, rows))
    return {(row.station_id, Owner(*row[1:])) for row in found}


async def save(connection: AsyncConnection, held: Iterable[HeldConnection]) -> None:
    """Store who holds each station from now on."""
    rows = [
        (
            row.station_id,
            row.owner.gateway_id,
            row.owner.connection_id,
            row.owner.epoch,
            row.ocpp_version,
            row.remote_address,
            at(row.connected_ms),
        )
        for row in held
    ]
    await connection.execute(_SAVE, arrays(_ROW, rows))


async def of_tenants(connection: AsyncConnection, tenants: Iterable[str], most: int) -> list[str]:
    """Return stations of these tenants that are connected, in the order of their ids."""
    found = await connection.execute(_OF_TENANTS, {"tenants": list(tenants), "most": most})
    return list(found.scalars())


async def delete(connection: AsyncConnection, ids: Iterable[str]) -> None:
    """Remove the connections of stations that are locked already."""
    await connection.execute(_DELETE, {"ids": list(ids)})


async def sweep(connection: AsyncConnection, most: int) -> list[Any]:
    """Remove connections whose gateway's lease ran out; each comes back from here once."""
    return list((await connection.execute(_SWEEP, {"most": most})).all())
