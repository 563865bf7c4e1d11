"""Stations under their locks, with who owns them: loaded for claims and releases, written back."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Boolean
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, unnest
from station_registry.credentials.store.station_columns import (
    CREDENTIALS,
    PROFILES,
    read_credentials,
    read_profiles,
)
from station_registry.database.sql import statement
from station_registry.ownership.domain.claims import ClaimedStation
from station_registry.ownership.domain.owners import Owner, Ownership
from station_registry.ownership.store.connections import lock_owners
from station_registry.provisioning.store import KNOWN, LOCK, STANDING, read_standing
from station_registry.provisioning.tables import station

_SUSPENDED = (
    "EXISTS (SELECT FROM tenant WHERE tenant.tenant_id = station.tenant_id "
    "AND tenant.status = 'suspended')"
)
_FOR_CLAIMS = statement(
    f"SELECT {STANDING}, {PROFILES}, epoch, released_epoch, recent_connections, "
    f"{CREDENTIALS}, EXISTS (SELECT FROM connector "
    "WHERE connector.station_id = station.station_id) AS status_known, "
    f"tenant_id, {_SUSPENDED} AS suspended "
    f"FROM station {KNOWN} {LOCK}"
)
_FOR_OWNERSHIP = statement(
    f"SELECT station_id, epoch, released_epoch, recent_connections FROM station {KNOWN} {LOCK}"
)

_OF_SUSPENDED = statement(
    f"SELECT station_id, tenant_id FROM station WHERE station_id = ANY(:ids) AND {_SUSPENDED}"
)

_CLAIMED = columns_of(
    station,
    "station_id",
    "epoch",
    "recent_connections",
    "ocpp_version",
    "connection_profile",
    "security_profile",
    "upgrade_profile",
    "upgrade_accepted",
    clear_previous=Boolean(),
)
_SAVE_CLAIMED = statement(
    "UPDATE station SET epoch = d.epoch, "
    "recent_connections = string_to_array(d.recent_connections, ','), "
    "ocpp_version = d.ocpp_version, connection_profile = d.connection_profile, "
    "previous_password_hashes = CASE WHEN d.clear_previous "
    "THEN '{}' ELSE previous_password_hashes END, "
    "either_password = either_password AND NOT d.clear_previous, "
    "security_profile = d.security_profile, upgrade_profile = d.upgrade_profile, "
    f"upgrade_accepted = d.upgrade_accepted FROM {unnest(_CLAIMED)} "
    "WHERE station.station_id = d.station_id"
)

_RELEASED = columns_of(station, "station_id", "epoch")
_SAVE_RELEASED = statement(
    "UPDATE station SET released_epoch = greatest(released_epoch, d.epoch) "
    f"FROM {unnest(_RELEASED)} WHERE station.station_id = d.station_id"
)


async def lock_for_claims(
    connection: AsyncConnection, ids: Iterable[str]
) -> dict[str, ClaimedStation]:
    """Lock stations, then their connections, and return what claims need."""
    rows = (await connection.execute(_FOR_CLAIMS, {"ids": list(ids)})).all()
    held = await lock_owners(connection, [row.station_id for row in rows])
    return {
        row.station_id: ClaimedStation(
            row.station_id,
            read_standing(row),
            read_profiles(row),
            read_credentials(row),
            _ownership(row, held),
            row.status_known,
            row.tenant_id,
            row.suspended,
        )
        for row in rows
    }


async def lock_for_ownership(
    connection: AsyncConnection, ids: Iterable[str]
) -> dict[str, Ownership]:
    """Lock stations, then their connections, and return who owns them."""
    rows = (await connection.execute(_FOR_OWNERSHIP, {"ids": list(ids)})).all()
    held = await lock_owners(connection, [row.station_id for row in rows])
    return {row.station_id: _ownership(row, held) for row in rows}


async def of_suspended(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, str]:
    """Return the tenant of each of the stations whose tenant is suspended."""
    rows = await connection.execute(_OF_SUSPENDED, {"ids": list(ids)})
    return {row.station_id: row.tenant_id for row in rows}


async def save_claimed(
    connection: AsyncConnection, stations: Iterable[tuple[ClaimedStation, str, bool, int]]
) -> None:
    """Store stations after claims: each with its OCPP version, whether only its newest password
    counts from now on, and the security profile of the connection."""
    rows = [
        (
            claimed.station_id,
            claimed.ownership.epoch,
            ",".join(claimed.ownership.recent),
            version,
            profile,
            claimed.profiles.current,
            claimed.profiles.upgrade,
            claimed.profiles.upgrade_accepted,
            clear_previous,
        )
        for claimed, version, clear_previous, profile in stations
    ]
    await connection.execute(_SAVE_CLAIMED, arrays(_CLAIMED, rows))


async def save_released(connection: AsyncConnection, released: Mapping[str, int]) -> None:
    """Store up to which epoch each station was released."""
    await connection.execute(_SAVE_RELEASED, arrays(_RELEASED, released.items()))


def _ownership(row: Any, held: Mapping[str, Owner]) -> Ownership:
    return Ownership(
        row.epoch, row.released_epoch, tuple(row.recent_connections), held.get(row.station_id)
    )
