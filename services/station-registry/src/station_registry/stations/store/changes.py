"""What operators change: one locked station at a time."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.tenancy import of_tenant
from station_registry.credentials.domain.password_hashes import Credentials
from station_registry.credentials.domain.rotations import Rotations
from station_registry.credentials.domain.security_profiles import Profiles
from station_registry.credentials.store.station_columns import (
    CREDENTIALS,
    PROFILES,
    read_credentials,
    read_profiles,
)
from station_registry.database.sql import statement
from station_registry.ownership.domain.owners import Owner
from station_registry.ownership.store.connections import lock_owners
from station_registry.provisioning.domain.descriptions import DESCRIPTION_FIELDS, Description
from station_registry.provisioning.domain.registration import Standing
from station_registry.provisioning.store import read_standing

_LOCK = statement(
    "SELECT station_id, epoch, registration_status, registration_decided, auto_created, "
    "boot_policy, boot_count, heartbeat_interval, strict, exempt_from_limits, "
    "registration_version, "
    f"{PROFILES}, {CREDENTIALS}, "
    f"password_rotations, password_rotation_until, {', '.join(DESCRIPTION_FIELDS)} "
    f"FROM station WHERE {of_tenant()} AND station_id = :station_id AND deleted_at IS NULL "
    "FOR UPDATE"
)
_CHANGE = statement(
    "UPDATE station SET registration_version = registration_version + 1, "
    "registration_status = :registration_status, "
    "registration_decided = :registration_decided, boot_policy = :boot_policy, "
    "heartbeat_interval = :heartbeat_interval, strict = :strict, "
    "exempt_from_limits = :exempt_from_limits, "
    "security_profile = :security_profile, upgrade_profile = :upgrade_profile, "
    "upgrade_accepted = :upgrade_accepted, registered_serial_number = :registered_serial_number, "
    + ", ".join(f"{name} = :{name}" for name in DESCRIPTION_FIELDS)
    + " WHERE station_id = :station_id RETURNING registration_version"
)
# A tenant's row before any station of it, as for whoever creates one.
_LOCK_TENANT_OF = statement(
    "SELECT 1 FROM tenant WHERE tenant_id = "
    "(SELECT tenant_id FROM station WHERE station_id = :station_id) FOR NO KEY UPDATE"
)
# Its description and set availabilities go, too, by triggers: older programs, which do not know
# them, delete stations.
_DELETE = statement(
    "UPDATE station SET deleted_at = now(), released_epoch = epoch, password_hashes = '{}', "
    "previous_password_hashes = '{}', either_password = false, password_rotations = '{}', "
    "password_rotation_until = NULL WHERE station_id = :station_id"
)


@dataclass(frozen=True, slots=True)
class ChangingStation:
    """A locked station that an operator changes, and who holds its socket."""

    station_id: str
    epoch: int
    standing: Standing
    profiles: Profiles
    description: Description
    credentials: Credentials
    rotations: Rotations
    owner: Owner | None


async def lock_station(
    connection: AsyncConnection, tenant_id: str, station_id: str
) -> ChangingStation | None:
    """Lock a tenant's station and its connection; None where it has no such station."""
    row = (
        await connection.execute(_LOCK, {"tenant_id": tenant_id, "station_id": station_id})
    ).first()
    if row is None:
        return None
    owners = await lock_owners(connection, [station_id])
    return ChangingStation(
        row.station_id,
        row.epoch,
        read_standing(row),
        read_profiles(row),
        _read_description(row),
        read_credentials(row),
        _read_rotations(row),
        owners.get(station_id),
    )


async def lock_tenant_of(connection: AsyncConnection, station_id: str) -> None:
    """Lock the tenant that a station belongs to, before what changes how many it has."""
    await connection.execute(_LOCK_TENANT_OF, {"station_id": station_id})


def _read_description(row: Any) -> Description:
    values = {name: row._mapping[name] for name in DESCRIPTION_FIELDS}
    return Description(**(values | {"tags": tuple(values["tags"])}))


def _read_rotations(row: Any) -> Rotations:
    until = row.password_rotation_until
    return Rotations(
        tuple(row.password_rotations), None if until is None else round(until.timestamp() * 1000)
    )


async def save_changed(connection: AsyncConnection, station: ChangingStation) -> int:
    """Store a station's settings, and return the version of its registration."""
    standing = station.standing
    values: Mapping[str, Any] = {
        "station_id": station.station_id,
        "registration_status": standing.status.value,
        "registration_decided": standing.decided,
        "boot_policy": standing.boot_policy,
        "heartbeat_interval": standing.heartbeat_interval_s,
        "strict": standing.strict,
        "exempt_from_limits": standing.exempt,
        "security_profile": station.profiles.current,
        "upgrade_profile": station.profiles.upgrade,
        "upgrade_accepted": station.profiles.upgrade_accepted,
        "registered_serial_number": station.profiles.registered_serial_number,
        **description_columns(station.description),
    }
    return int((await connection.execute(_CHANGE, values)).scalar_one())


def description_columns(description: Description) -> dict[str, Any]:
    """Return a description as columns of a station."""
    values = {name: getattr(description, name) for name in DESCRIPTION_FIELDS}
    return values | {"tags": list(description.tags)}


async def mark_deleted(connection: AsyncConnection, station_id: str) -> None:
    """Mark a station deleted; no connection of it can be re-asserted."""
    await connection.execute(_DELETE, {"station_id": station_id})
