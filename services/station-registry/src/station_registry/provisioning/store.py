"""Which stations there are, and their registration: locked one after the other by id."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.stations import RegistrationStatus
from csms_shared.db.row_arrays import arrays, columns_of, unnest
from csms_shared.db.tenancy import of_tenant
from csms_shared.values.texts import is_storable
from station_registry.database.sql import at, statement
from station_registry.provisioning.domain.boots import DEVICE_FIELDS, BootingStation, Device
from station_registry.provisioning.domain.descriptions import DESCRIPTION_FIELDS
from station_registry.provisioning.domain.registration import Standing
from station_registry.provisioning.tables import station

STANDING = (
    "station_id, registration_status, registration_decided, auto_created, boot_policy, "
    "boot_count, heartbeat_interval, strict, exempt_from_limits, registration_version"
)
_NEXT_VERSION = "registration_version = station.registration_version + 1"

KNOWN = "WHERE station_id = ANY(:ids) AND deleted_at IS NULL"
LOCK = "ORDER BY station_id FOR UPDATE OF station"

_KNOWN_IDS = statement(f"SELECT station_id FROM station {KNOWN}")
_WAS_KNOWN = statement(f"SELECT 1 FROM station WHERE {of_tenant()} AND station_id = :station_id")
_OF_TENANT = statement(
    f"SELECT station_id FROM station WHERE {of_tenant()} AND station_id = ANY(:ids) "
    "AND deleted_at IS NULL"
)
_FOR_BOOTS = statement(f"SELECT {STANDING}, boot_epoch, boot_seq FROM station {KNOWN} {LOCK}")
# One transaction at a time counts and creates unknown stations, so that the limit is exact.
_LOCK_UNKNOWN = statement(
    "SELECT pg_advisory_xact_lock(hashtextextended('registry.unknown_stations', 0))"
)
_COUNT_UNKNOWN = statement(
    "SELECT count(*) AS n FROM station WHERE auto_created AND deleted_at IS NULL"
)

_FRESH = (
    f"{_NEXT_VERSION}, tenant_id = excluded.tenant_id, "
    "auto_created = excluded.auto_created, registration_status = excluded.registration_status, "
    "registration_decided = false, boot_policy = excluded.boot_policy, "
    "security_profile = excluded.security_profile, upgrade_profile = NULL, "
    "upgrade_accepted = false, registered_serial_number = excluded.registered_serial_number, "
    "heartbeat_interval = excluded.heartbeat_interval, strict = excluded.strict, "
    "exempt_from_limits = excluded.exempt_from_limits, "
    "password_hashes = excluded.password_hashes, previous_password_hashes = '{}', "
    "connection_profile = 0, either_password = false, ocpp_version = NULL, "
    + ", ".join(f"{name} = NULL" for name in DEVICE_FIELDS)
    + ", last_boot_at = NULL, created_at = now(), deleted_at = NULL, "
    + ", ".join(f"{name} = excluded.{name}" for name in DESCRIPTION_FIELDS)
)
# A deleted station that comes back is a new one, except for what only grows: its epoch and boots.
_UNKNOWN = columns_of(station, "station_id")
_CREATE_UNKNOWN = statement(
    "INSERT INTO station (station_id, tenant_id, auto_created, registration_status) "
    f"SELECT station_id, :tenant_id, true, 'pending' FROM {unnest(_UNKNOWN)} ORDER BY station_id "
    f"ON CONFLICT (station_id) DO UPDATE SET {_FRESH} WHERE station.deleted_at IS NOT NULL "
    "RETURNING station_id, epoch"
)
_CREATE = statement(
    "INSERT INTO station (station_id, tenant_id, registration_status, boot_policy, "
    "security_profile, registered_serial_number, heartbeat_interval, strict, "
    "exempt_from_limits, password_hashes, "
    f"{', '.join(DESCRIPTION_FIELDS)}) "
    "VALUES (:station_id, :tenant_id, "
    ":registration_status, :boot_policy, :security_profile, :registered_serial_number, "
    ":heartbeat_interval, :strict, :exempt_from_limits, :password_hashes, "
    f"{', '.join(f':{name}' for name in DESCRIPTION_FIELDS)}) "
    f"ON CONFLICT (station_id) DO UPDATE SET {_FRESH} WHERE station.deleted_at IS NOT NULL "
    "RETURNING station_id, epoch"
)
# What a deleted station's id must not hand on to a new one, in one exchange with the database.
_FORGET_HISTORY = statement(
    "WITH "
    + ", ".join(
        f"of_{table} AS (DELETE FROM {table} WHERE station_id = ANY(:ids))"
        for table in (
            "connector",
            "connector_availability",
            "connector_hardware",
            "tolerance",
            "installed_certificate",
            "certificate_listing",
            "certificate_request",
            "configuration_value",
        )
    )
    + " SELECT"
)

_BOOTED = columns_of(
    station,
    "station_id",
    "registration_status",
    "boot_count",
    "boot_epoch",
    "boot_seq",
    "last_boot_at",
    *DEVICE_FIELDS,
)
_SAVE_BOOTED = statement(
    f"UPDATE station SET {_NEXT_VERSION}, "
    + ", ".join(f"{name} = d.{name}" for name, _ in _BOOTED[1:])
    + f" FROM {unnest(_BOOTED)} WHERE station.station_id = d.station_id "
    "RETURNING station.station_id, registration_version"
)

_KNOWN_REGISTRATION = columns_of(station, "station_id", version=BigInteger())
_NEWER_REGISTRATIONS = statement(
    f"SELECT {STANDING} FROM station JOIN {unnest(_KNOWN_REGISTRATION)} "
    "USING (station_id) WHERE registration_version > d.version AND deleted_at IS NULL"
)


async def unknown(connection: AsyncConnection, ids: Iterable[str]) -> set[str]:
    """Return which of the stations do not exist."""
    wanted = set(ids)
    rows = await connection.execute(_KNOWN_IDS, {"ids": list(wanted)})
    return wanted - {row.station_id for row in rows}


async def count_auto_created(connection: AsyncConnection) -> int:
    """Return how many stations created themselves; nobody else creates any until the commit."""
    await connection.execute(_LOCK_UNKNOWN)
    return int((await connection.execute(_COUNT_UNKNOWN)).scalar_one())


async def create_unknown(
    connection: AsyncConnection, tenant_id: str, ids: Sequence[str]
) -> dict[str, int]:
    """Create stations that nobody announced; returns those that were made now, with epochs."""
    rows = await connection.execute(
        _CREATE_UNKNOWN, {"station_id": list(ids), "tenant_id": tenant_id}
    )
    created = {row.station_id: int(row.epoch) for row in rows}
    await _forget_history(connection, list(created))
    return created


async def create(connection: AsyncConnection, values: Mapping[str, Any]) -> bool:
    """Create a station; false where it exists already."""
    created = (await connection.execute(_CREATE, dict(values))).first()
    if created is None:
        return False
    await _forget_history(connection, [values["station_id"]])
    return True


async def _forget_history(connection: AsyncConnection, ids: list[str]) -> None:
    await connection.execute(_FORGET_HISTORY, {"ids": ids})


async def lock_for_boots(
    connection: AsyncConnection, ids: Iterable[str]
) -> dict[str, BootingStation]:
    """Lock stations and return what boots need."""
    rows = await connection.execute(_FOR_BOOTS, {"ids": list(ids)})
    return {
        row.station_id: BootingStation(
            row.station_id, read_standing(row), (row.boot_epoch, row.boot_seq)
        )
        for row in rows
    }


async def save_booted(
    connection: AsyncConnection,
    booted: Iterable[tuple[BootingStation, Device, int]],
) -> dict[str, int]:
    """Store stations after boots: each with its device and the time of receipt.

    Returns the version of each station's registration.
    """
    rows = [
        (
            booting.station_id,
            booting.standing.status.value,
            booting.standing.boot_count,
            *booting.last_boot,
            at(received_ms),
            *(getattr(device, name) for name in DEVICE_FIELDS),
        )
        for booting, device, received_ms in booted
    ]
    saved = await connection.execute(_SAVE_BOOTED, arrays(_BOOTED, rows))
    return {row.station_id: row.registration_version for row in saved}


async def newer_registrations(
    connection: AsyncConnection, known: Iterable[tuple[str, int]]
) -> dict[str, Standing]:
    """Return the registrations that are newer than the version known of them; locks nothing."""
    rows = sorted(known)
    if not rows:
        return {}
    found = await connection.execute(_NEWER_REGISTRATIONS, arrays(_KNOWN_REGISTRATION, rows))
    return {row.station_id: read_standing(row) for row in found}


def read_standing(row: Any) -> Standing:
    """Return the registration in a row of `station`."""
    return Standing(
        RegistrationStatus(row.registration_status),
        row.registration_decided,
        row.auto_created,
        row.boot_policy,
        row.boot_count,
        row.heartbeat_interval,
        row.strict,
        row.exempt_from_limits,
        row.registration_version,
    )


async def was_known(connection: AsyncConnection, tenant_id: str, station_id: str) -> bool:
    """Tell whether a tenant has such a station, or had it when it was deleted."""
    named = {"tenant_id": tenant_id, "station_id": station_id}
    return (await connection.execute(_WAS_KNOWN, named)).first() is not None


async def known_of(
    connection: AsyncConnection, tenant_id: str, station_ids: Iterable[str]
) -> set[str]:
    """Return those of the stations that a tenant has."""
    wanted = {"tenant_id": tenant_id, "ids": [one for one in station_ids if is_storable(one)]}
    return set((await connection.execute(_OF_TENANT, wanted)).scalars())
