"""Gateways and their leases, 20 s by the database's clock."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Iterable

from sqlalchemy import Boolean
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.ownership import LeaseRenewal
from csms_shared.db.row_arrays import arrays, columns_of, unnest
from station_registry.database.sql import at, statement
from station_registry.ownership.tables import gateway

LEASE_S = 20
# A gateway renews every 5 s; the rest is what a renewal may take while much else is to be done.
RENEWED_WITHIN_S = 8
# Leases are looked at every 2 s; a gap this long means that nobody could renew for as long.
AWAY_S = 10

_LEASE = f"make_interval(secs => {LEASE_S})"
# Of a gateway `g` whose lease runs. A lease ends `LEASE_S` after its last renewal.
UNCONFIRMED = (
    f"(g.lease_expires_at - {_LEASE} < now() - make_interval(secs => {RENEWED_WITHIN_S}) "
    f"OR coalesce(g.lease_expires_at - {_LEASE} <= g.doubted_at, false))"
)
# Null where the lease was granted, and is no sign of the gateway.
RENEWED_AT = f"nullif(g.lease_expires_at - {_LEASE}, g.doubted_at)"

_RUNNING = statement(
    "SELECT gateway_id, lease_expires_at > now() AND ended_at IS NULL AS running FROM gateway "
    "WHERE gateway_id = ANY(:ids) ORDER BY gateway_id FOR UPDATE"
)
_RENEWAL = columns_of(
    gateway,
    "gateway_id",
    "name",
    "connections",
    "version",
    "started_at",
    "draining",
    final=Boolean(),
)
_RENEW = statement(
    "INSERT INTO gateway (gateway_id, name, connections, version, started_at, draining, "
    "lease_expires_at) SELECT gateway_id, name, connections, version, started_at, draining, "
    f"now() + make_interval(secs => CASE WHEN final THEN 0 ELSE {LEASE_S} END) "
    f"FROM {unnest(_RENEWAL)} ORDER BY gateway_id "
    "ON CONFLICT (gateway_id) DO UPDATE SET name = excluded.name, "
    "connections = excluded.connections, version = excluded.version, "
    "started_at = excluded.started_at, draining = excluded.draining, "
    "lease_expires_at = excluded.lease_expires_at, ended_at = NULL"
)
_INTRODUCE = statement(
    "INSERT INTO gateway (gateway_id, name, lease_expires_at) "
    f"SELECT gateway_id, name, now() + make_interval(secs => {LEASE_S}) "
    f"FROM {unnest(_RENEWAL[:2])} ORDER BY gateway_id ON CONFLICT DO NOTHING"
)
_LOOK = statement(
    "INSERT INTO lease_watch AS w (looked_at) VALUES (clock_timestamp()) "
    "ON CONFLICT (only_row) DO UPDATE SET looked_at = excluded.looked_at "
    "RETURNING (SELECT looked_at FROM lease_watch) "
    f"> clock_timestamp() - make_interval(secs => {AWAY_S}) AS watched"
)
# Leases that ended without anybody having looked since are alive until a lease later.
_GRACE = statement(
    f"UPDATE gateway SET lease_expires_at = greatest(lease_expires_at, now() + {_LEASE}), "
    "doubted_at = now() WHERE gateway_id IN ("
    "SELECT gateway_id FROM gateway g WHERE EXISTS (SELECT FROM station_connection c "
    "WHERE c.gateway_id = g.gateway_id) ORDER BY gateway_id FOR UPDATE)"
)
_CONFIRMED = statement(
    f"SELECT gateway_id FROM gateway g WHERE lease_expires_at > now() AND NOT {UNCONFIRMED}"
)
_DOUBT = statement(
    "UPDATE gateway SET doubted_at = now() WHERE gateway_id IN (SELECT gateway_id FROM gateway "
    "WHERE gateway_id = ANY(:ids) ORDER BY gateway_id FOR UPDATE)"
)
_PURGE = statement(
    "DELETE FROM gateway g WHERE lease_expires_at < now() - interval '1 hour' "
    "AND NOT EXISTS (SELECT FROM station_connection c WHERE c.gateway_id = g.gateway_id)"
)


async def renew(connection: AsyncConnection, renewals: Iterable[LeaseRenewal]) -> dict[str, bool]:
    """Renew leases, and return of each gateway whether its lease was still running."""
    newest = {renewal.gateway_id: renewal for renewal in renewals}
    rows = await connection.execute(_RUNNING, {"ids": list(newest)})
    running = {row.gateway_id: bool(row.running) for row in rows}
    await connection.execute(
        _RENEW,
        arrays(
            _RENEWAL,
            [
                (
                    renewal.gateway_id,
                    renewal.gateway_name,
                    renewal.connections,
                    renewal.version,
                    at(renewal.started_ms),
                    renewal.draining,
                    renewal.final,
                )
                for renewal in newest.values()
            ],
        ),
    )
    return {gateway_id: running.get(gateway_id, False) for gateway_id in newest}


async def introduce(connection: AsyncConnection, gateways: Iterable[tuple[str, str]]) -> None:
    """Give gateways (id, name) that nothing is known of yet their first lease."""
    await connection.execute(_INTRODUCE, arrays(_RENEWAL[:2], sorted(set(gateways))))


async def look(connection: AsyncConnection) -> bool:
    """Note that leases are looked at now; false where nobody had for too long."""
    return bool((await connection.execute(_LOOK)).scalar_one())


async def grant_grace(connection: AsyncConnection) -> None:
    """Let every gateway that still holds connections run for a lease from now."""
    await connection.execute(_GRACE)


async def confirmed(connection: AsyncConnection) -> list[str]:
    """Return the gateways that are there as far as is known."""
    return [row.gateway_id for row in await connection.execute(_CONFIRMED)]


async def doubt(connection: AsyncConnection, gateway_ids: Iterable[str]) -> None:
    """Note that these were found away in this transaction; a renewal after its start says more."""
    await connection.execute(_DOUBT, {"ids": sorted(gateway_ids)})


async def purge_ended(connection: AsyncConnection) -> None:
    """Forget incarnations that ended an hour ago."""
    await connection.execute(_PURGE)
