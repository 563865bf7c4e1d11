"""Stations under their locks: loaded in the order of their ids, written back as sets."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.stations import RegistrationStatus
from station_registry.credentials.domain.password_hashes import Credentials
from station_registry.credentials.domain.security_profiles import Profiles
from station_registry.database.sql import arrays, at, statement, unnest
from station_registry.ownership.domain.claims import ClaimedStation
from station_registry.ownership.domain.owners import Owner, Ownership
from station_registry.provisioning.domain.boots import DEVICE_FIELDS, BootingStation
from station_registry.provisioning.domain.registration import Standing

OwnersOf = Callable[[list[str]], Awaitable[Mapping[str, Owner]]]

_STANDING = (
    "station_id, registration_status, registration_decided, auto_created, boot_policy, "
    "boot_count, heartbeat_interval, strict, exempt_from_limits, registration_version"
)
_NEXT_VERSION = "registration_version = station.registration_version + 1"

CREDENTIALS = (
    "password_hashes, previous_password_hashes, either_password, password_reboot_at, reset_at"
)
PROFILES = "security_profile, upgrade_profile, upgrade_accepted, registered_serial_number"
_KNOWN = "WHERE station_id = ANY(:ids) AND deleted_at IS NULL"
_LOCK = "ORDER BY station_id FOR UPDATE OF station"

# Not deleted ones: whoever creates one of them again takes its lock before all others.
_LOCK_ALL = statement(f"SELECT station_id FROM station {_KNOWN} {_LOCK}")
_KNOWN_IDS = statement(f"SELECT station_id FROM station {_KNOWN}")
_WAS_KNOWN = statement("SELECT 1 FROM station WHERE station_id = :station_id")
_FOR_CLAIMS = statement(
    f"SELECT {_STANDING}, {PROFILES}, epoch, released_epoch, recent_connections, "
    f"{CREDENTIALS}, EXISTS (SELECT FROM connector "
    "WHERE connector.station_id = station.station_id) AS status_known "
    f"FROM station {_KNOWN} {_LOCK}"
)
_FOR_BOOTS = statement(f"SELECT {_STANDING}, boot_epoch, boot_seq FROM station {_KNOWN} {_LOCK}")
_FOR_OWNERSHIP = statement(
    f"SELECT station_id, epoch, released_epoch, recent_connections FROM station {_KNOWN} {_LOCK}"
)
# One transaction at a time counts and creates unknown stations, so that the limit is exact.
_LOCK_UNKNOWN = statement(
    "SELECT pg_advisory_xact_lock(hashtextextended('registry.unknown_stations', 0))"
)
_COUNT_UNKNOWN = statement(
    "SELECT count(*) AS n FROM station WHERE auto_created AND deleted_at IS NULL"
)

_FRESH = (
    f"{_NEXT_VERSION}, "
    "auto_created = excluded.auto_created, registration_status = excluded.registration_status, "
    "registration_decided = false, boot_policy = excluded.boot_policy, "
    "security_profile = excluded.security_profile, upgrade_profile = NULL, "
    "upgrade_accepted = false, registered_serial_number = excluded.registered_serial_number, "
    "heartbeat_interval = excluded.heartbeat_interval, strict = excluded.strict, "
    "exempt_from_limits = excluded.exempt_from_limits, "
    "password_hashes = excluded.password_hashes, previous_password_hashes = '{}', "
    "connection_profile = 0, either_password = false, ocpp_version = NULL, "
    + ", ".join(f"{name} = NULL" for name in DEVICE_FIELDS)
    + ", last_boot_at = NULL, created_at = now(), deleted_at = NULL"
)
# A deleted station that comes back is a new one, except for what only grows: its epoch and boots.
_CREATE_UNKNOWN = statement(
    "INSERT INTO station (station_id, auto_created, registration_status) "
    "SELECT id, true, 'pending' FROM unnest(CAST(:ids AS text[])) AS d(id) ORDER BY id "
    f"ON CONFLICT (station_id) DO UPDATE SET {_FRESH} WHERE station.deleted_at IS NOT NULL "
    "RETURNING station_id, epoch"
)
_CREATE = statement(
    "INSERT INTO station (station_id, registration_status, boot_policy, security_profile, "
    "registered_serial_number, heartbeat_interval, strict, exempt_from_limits, password_hashes) "
    "VALUES (:station_id, "
    ":registration_status, :boot_policy, :security_profile, :registered_serial_number, "
    ":heartbeat_interval, :strict, :exempt_from_limits, CAST(:password_hashes AS bytea[])) "
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
            "tolerance",
            "installed_certificate",
            "certificate_listing",
            "certificate_request",
            "configuration_value",
        )
    )
    + " SELECT"
)

_CLAIMED = (
    ("id", "text"),
    ("epoch", "bigint"),
    ("recent", "text"),
    ("ocpp_version", "text"),
    ("clear_previous", "boolean"),
    ("connection_profile", "smallint"),
    ("security_profile", "smallint"),
    ("upgrade_profile", "smallint"),
    ("upgrade_accepted", "boolean"),
)
_SAVE_CLAIMED = statement(
    "UPDATE station SET epoch = d.epoch, recent_connections = string_to_array(d.recent, ','), "
    "ocpp_version = d.ocpp_version, connection_profile = d.connection_profile, "
    "previous_password_hashes = CASE WHEN d.clear_previous "
    "THEN '{}' ELSE previous_password_hashes END, "
    "either_password = either_password AND NOT d.clear_previous, "
    "security_profile = d.security_profile, upgrade_profile = d.upgrade_profile, "
    f"upgrade_accepted = d.upgrade_accepted FROM {unnest(_CLAIMED)} "
    "WHERE station.station_id = d.id"
)

_RELEASED = (("id", "text"), ("epoch", "bigint"))
_SAVE_RELEASED = statement(
    "UPDATE station SET released_epoch = greatest(released_epoch, d.epoch) "
    f"FROM {unnest(_RELEASED)} WHERE station.station_id = d.id"
)

_BOOTED = (
    ("id", "text"),
    ("registration_status", "text"),
    ("boot_count", "int"),
    ("boot_epoch", "bigint"),
    ("boot_seq", "bigint"),
    ("last_boot_at", "timestamptz"),
    *((name, "text") for name in DEVICE_FIELDS),
)
_SAVE_BOOTED = statement(
    f"UPDATE station SET {_NEXT_VERSION}, "
    + ", ".join(f"{name} = d.{name}" for name, _ in _BOOTED[1:])
    + f" FROM {unnest(_BOOTED)} WHERE station.station_id = d.id "
    "RETURNING station_id, registration_version"
)

_KNOWN_REGISTRATION = (("id", "text"), ("version", "bigint"))
_NEWER_REGISTRATIONS = statement(
    f"SELECT {_STANDING} FROM station JOIN {unnest(_KNOWN_REGISTRATION)} "
    "ON station_id = d.id WHERE registration_version > d.version AND deleted_at IS NULL"
)


async def lock_all(connection: AsyncConnection, ids: Iterable[str]) -> None:
    """Lock stations of several kinds of work at once, so that all locks are in one order."""
    await connection.execute(_LOCK_ALL, {"ids": list(ids)})


async def unknown(connection: AsyncConnection, ids: Iterable[str]) -> set[str]:
    """Return which of the stations do not exist."""
    wanted = set(ids)
    rows = await connection.execute(_KNOWN_IDS, {"ids": list(wanted)})
    return wanted - {row.station_id for row in rows}


async def count_auto_created(connection: AsyncConnection) -> int:
    """Return how many stations created themselves; nobody else creates any until the commit."""
    await connection.execute(_LOCK_UNKNOWN)
    return int((await connection.execute(_COUNT_UNKNOWN)).scalar_one())


async def create_unknown(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, int]:
    """Create stations that nobody announced; returns those that were made now, with epochs."""
    rows = await connection.execute(_CREATE_UNKNOWN, {"ids": list(ids)})
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


async def lock_for_claims(
    connection: AsyncConnection, ids: Iterable[str], owners: OwnersOf
) -> dict[str, ClaimedStation]:
    """Lock stations, then their connections (by `owners`), and return what claims need."""
    rows = (await connection.execute(_FOR_CLAIMS, {"ids": list(ids)})).all()
    held = await owners([row.station_id for row in rows])
    return {
        row.station_id: ClaimedStation(
            row.station_id,
            read_standing(row),
            read_profiles(row),
            read_credentials(row),
            _ownership(row, held),
            row.status_known,
        )
        for row in rows
    }


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


async def lock_for_ownership(
    connection: AsyncConnection, ids: Iterable[str], owners: OwnersOf
) -> dict[str, Ownership]:
    """Lock stations, then their connections (by `owners`), and return who owns them."""
    rows = (await connection.execute(_FOR_OWNERSHIP, {"ids": list(ids)})).all()
    held = await owners([row.station_id for row in rows])
    return {row.station_id: _ownership(row, held) for row in rows}


async def save_claimed(
    connection: AsyncConnection, stations: Iterable[tuple[ClaimedStation, str, bool, int]]
) -> None:
    """Store stations after claims: each with its OCPP version, whether only its newest password
    counts from now on, and the security profile of the connection."""
    rows = [
        (
            station.station_id,
            station.ownership.epoch,
            ",".join(station.ownership.recent),
            version,
            clear_previous,
            profile,
            station.profiles.current,
            station.profiles.upgrade,
            station.profiles.upgrade_accepted,
        )
        for station, version, clear_previous, profile in stations
    ]
    await connection.execute(_SAVE_CLAIMED, arrays(_CLAIMED, rows))


async def save_released(connection: AsyncConnection, released: Mapping[str, int]) -> None:
    """Store up to which epoch each station was released."""
    await connection.execute(_SAVE_RELEASED, arrays(_RELEASED, released.items()))


async def save_booted(
    connection: AsyncConnection,
    booted: Iterable[tuple[BootingStation, Mapping[str, str | None], int]],
) -> dict[str, int]:
    """Store stations after boots: each with its device's description and the time of receipt.

    Returns the version of each station's registration.
    """
    rows = [
        (
            station.station_id,
            station.standing.status.value,
            station.standing.boot_count,
            *station.last_boot,
            at(received_ms),
            *(device[name] for name in DEVICE_FIELDS),
        )
        for station, device, received_ms in booted
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


def read_profiles(row: Any) -> Profiles:
    """Return the security profiles in a row of `station`."""
    return Profiles(
        row.security_profile,
        row.upgrade_profile,
        row.upgrade_accepted,
        row.registered_serial_number,
    )


def _ownership(row: Any, held: Mapping[str, Owner]) -> Ownership:
    return Ownership(
        row.epoch, row.released_epoch, tuple(row.recent_connections), held.get(row.station_id)
    )


def read_credentials(row: Any) -> Credentials:
    """Return the password hashes in a row of `station`.

    After a reset, a change that waited for it has been taken or never will be.
    """
    waited = row.password_reboot_at is not None and row.reset_at is not None
    return Credentials(
        tuple(map(bytes, row.password_hashes)),
        tuple(map(bytes, row.previous_password_hashes)),
        row.either_password or (waited and row.reset_at > row.password_reboot_at),
    )


async def was_known(connection: AsyncConnection, station_id: str) -> bool:
    """Tell whether there is such a station, or was before it was deleted."""
    return (await connection.execute(_WAS_KNOWN, {"station_id": station_id})).first() is not None
