"""The root certificates in stations' stores."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Iterable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from station_registry.certificates.domain.details import HashData, details, read_certificates
from station_registry.certificates.domain.installed import Installed, StoreState
from station_registry.certificates.tables import certificate_listing, installed_certificate
from station_registry.database.sql import statement

# One at a time: such commands are rare, and to lock stations here would be out of order.
_LOCK = statement(
    "SELECT pg_advisory_xact_lock(hashtextextended('registry.installed_certificates', 0))"
)
_EXISTING = statement(
    "SELECT station_id FROM station WHERE station_id = ANY(:ids) AND deleted_at IS NULL"
)
_CERTIFICATES = statement("SELECT * FROM installed_certificate WHERE station_id = ANY(:ids)")
_LISTINGS = statement("SELECT * FROM certificate_listing WHERE station_id = ANY(:ids)")
_KEY = columns_of(
    installed_certificate,
    "station_id",
    "certificate_type",
    "hash_algorithm",
    "issuer_name_hash",
    "issuer_key_hash",
    "serial_number",
)
_STATE = columns_of(
    installed_certificate, "present", "pem", "changed_at", "command_id", "not_after"
)
_ROW = (*_KEY, *_STATE)
_SAVE = statement(
    f"INSERT INTO installed_certificate ({names(_ROW)}) SELECT * FROM {unnest(_ROW)} "
    f"ORDER BY {names(_KEY)} ON CONFLICT ({names(_KEY)}) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name, _ in _STATE)
)
_LISTING = columns_of(
    certificate_listing, "station_id", "certificate_type", "listed_at", "command_id"
)
_SAVE_LISTING = statement(
    f"INSERT INTO certificate_listing ({names(_LISTING)}) "
    f"SELECT * FROM {unnest(_LISTING)} ORDER BY station_id, certificate_type "
    "ON CONFLICT (station_id, certificate_type) DO UPDATE SET listed_at = excluded.listed_at, "
    "command_id = excluded.command_id"
)


async def lock(connection: AsyncConnection, ids: Iterable[str]) -> set[str]:
    """Keep everybody else from changing what is stored; returns the stations that exist."""
    await connection.execute(_LOCK)
    rows = await connection.execute(_EXISTING, {"ids": sorted(set(ids))})
    return {row.station_id for row in rows}


async def load(connection: AsyncConnection, ids: Iterable[str]) -> StoreState:
    """Return what is known of the stores of stations."""
    wanted = {"ids": list(ids)}
    certificates = [_installed(row) for row in await connection.execute(_CERTIFICATES, wanted)]
    return StoreState(
        {one.key: one for one in certificates},
        {
            (row.station_id, row.certificate_type): (row.listed_at, row.command_id)
            for row in await connection.execute(_LISTINGS, wanted)
        },
    )


async def save(connection: AsyncConnection, before: StoreState, after: StoreState) -> None:
    """Store what changed."""
    changed = [
        one for key, one in after.certificates.items() if before.certificates.get(key) != one
    ]
    if changed:
        await connection.execute(_SAVE, arrays(_ROW, [_row(one) for one in changed]))
    listed = [
        (*of_type, *stamp)
        for of_type, stamp in after.listed.items()
        if before.listed.get(of_type) != stamp
    ]
    if listed:
        await connection.execute(_SAVE_LISTING, arrays(_LISTING, listed))


def _row(one: Installed) -> tuple[Any, ...]:
    data = one.hash_data
    return (
        one.station_id,
        one.certificate_type,
        data.hash_algorithm,
        data.issuer_name_hash,
        data.issuer_key_hash,
        data.serial_number,
        one.present,
        None if one.certificate is None else one.certificate.pem,
        *one.stamp,
        None if one.certificate is None else one.certificate.not_after,
    )


def _installed(row: Any) -> Installed:
    certificates = [] if row.pem is None else read_certificates(row.pem)
    return Installed(
        row.station_id,
        row.certificate_type,
        HashData(row.hash_algorithm, row.issuer_name_hash, row.issuer_key_hash, row.serial_number),
        row.present,
        (row.changed_at, row.command_id),
        details(certificates[0]) if certificates else None,
    )
