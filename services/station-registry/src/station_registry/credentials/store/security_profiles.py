"""Security profiles of many stations at once, and whose certificates could be mistaken."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, unnest
from station_registry.credentials.domain.security_profiles import Profiles
from station_registry.credentials.store.station_columns import PROFILES, read_profiles
from station_registry.database.sql import statement

_LOCK = statement(
    f"SELECT station_id, {PROFILES} FROM station WHERE station_id = ANY(:ids) "
    "AND deleted_at IS NULL ORDER BY station_id FOR UPDATE"
)
# Types by hand: the table is that of provisioning, a block above this one.
_UPGRADING = (("id", "text"), ("upgrade_profile", "smallint"), ("upgrade_accepted", "boolean"))
_SAVE = statement(
    "UPDATE station SET upgrade_profile = d.upgrade_profile, "
    f"upgrade_accepted = d.upgrade_accepted FROM {unnest(_UPGRADING)} "
    "WHERE station.station_id = d.id"
)
# One writer at a time: two stations registered at once must see each other.
_LOCK_NAMES = statement(
    "SELECT pg_advisory_xact_lock(hashtextextended('registry.certificate_names', 0))"
)
_NAMED_ALIKE = statement(
    "SELECT station_id FROM station WHERE station_id <> :station_id AND deleted_at IS NULL "
    "AND (station_id = :serial_number OR registered_serial_number = ANY(:names)) LIMIT 1"
)


async def lock(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, Profiles]:
    """Lock stations and return their profiles."""
    rows = await connection.execute(_LOCK, {"ids": list(ids)})
    return {row.station_id: read_profiles(row) for row in rows}


async def save_upgrades(connection: AsyncConnection, profiles: Mapping[str, Profiles]) -> None:
    """Store what stations are on their way to."""
    rows = [(station_id, one.upgrade, one.upgrade_accepted) for station_id, one in profiles.items()]
    await connection.execute(_SAVE, arrays(_UPGRADING, rows))


async def named_alike(
    connection: AsyncConnection, station_id: str, serial_number: str | None
) -> str | None:
    """Return another station whose certificate would also name this one, if there is any."""
    if serial_number is not None:
        await connection.execute(_LOCK_NAMES)
    names = [station_id] if serial_number is None else [station_id, serial_number]
    row = (
        await connection.execute(
            _NAMED_ALIKE,
            {"station_id": station_id, "serial_number": serial_number or "", "names": names},
        )
    ).first()
    return None if row is None else str(row.station_id)
