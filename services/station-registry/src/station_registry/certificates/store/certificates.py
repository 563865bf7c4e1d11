"""Certificates that stations were given, and the built-in authorities that signed them."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, unnest
from station_registry.certificates.domain.authority import Revocation
from station_registry.certificates.domain.details import CertificateDetails
from station_registry.certificates.tables import certificate
from station_registry.database.sql import statement
from station_registry.database.tenants import TENANT_OF_STATION

Source = Literal["builtin", "external", "operator"]

_SAVE = statement(
    "INSERT INTO certificate (fingerprint, station_id, source, authority, serial_number, subject, "
    "issuer, not_before, not_after, pem, chain, status, tenant_id) SELECT :fingerprint, "
    "d.station_id, :source, :authority, :serial_number, :subject, :issuer, :not_before, "
    f":not_after, :pem, :chain, 'issued', {TENANT_OF_STATION} "
    "FROM (VALUES (CAST(:station_id AS text))) AS d (station_id) "
    "ON CONFLICT (fingerprint) DO NOTHING"
)
_STATUS = columns_of(certificate, "fingerprint", "status")
# A yes stands above a no, whichever is seen first.
_SAVE_STATUS = statement(
    "UPDATE certificate SET status = d.status, installed_at = CASE WHEN d.status = 'installed' "
    f"THEN coalesce(installed_at, now()) END FROM {unnest(_STATUS)} "
    "WHERE certificate.fingerprint = d.fingerprint AND certificate.status <> 'installed'"
)
_CHAIN = statement("SELECT chain FROM certificate WHERE fingerprint = :fingerprint")
# The one that the station uses: the newest that it took (A02.FR.09). Not in the first half of its
# life: one that is cut short by its authority's own end would be renewed again and again.
_EXPIRING = statement(
    "UPDATE certificate SET expiring_told_at = now() WHERE fingerprint IN ("
    "SELECT fingerprint FROM certificate c JOIN station s USING (station_id) "
    "WHERE s.deleted_at IS NULL AND c.status = 'installed' AND c.revoked_at IS NULL "
    "AND c.expiring_told_at IS NULL AND c.not_after < now() + make_interval(days => :days) "
    "AND now() > c.not_before + (c.not_after - c.not_before) / 2 "
    "AND NOT EXISTS (SELECT FROM certificate n WHERE n.station_id = c.station_id "
    "AND n.status = 'installed' AND n.revoked_at IS NULL AND n.not_before > c.not_before) "
    "ORDER BY fingerprint LIMIT :most FOR UPDATE OF c SKIP LOCKED) "
    "RETURNING fingerprint, station_id, serial_number, not_after"
)
_REVOKE = statement(
    "UPDATE certificate SET revoked_at = now(), revocation_reason = :reason "
    "WHERE fingerprint = :fingerprint AND revoked_at IS NULL "
    "RETURNING station_id, serial_number, revoked_at"
)
# An expired certificate counts nowhere and may leave the list (RFC 5280, 3.3).
_REVOCATIONS = statement(
    "SELECT serial_number, revoked_at, revocation_reason FROM certificate "
    "WHERE authority = :authority AND revoked_at IS NOT NULL AND not_after > now() "
    "ORDER BY revoked_at, serial_number"
)
_REVOKED_AMONG = statement(
    "SELECT fingerprint FROM certificate "
    "WHERE fingerprint = ANY(:fingerprints) AND revoked_at IS NOT NULL"
)
_AUTHORITIES_LOCK = statement(
    "SELECT pg_advisory_xact_lock(hashtextextended('registry.certificate_authority', 0))"
)
_AUTHORITIES = statement("SELECT fingerprint FROM certificate_authority")
_SAVE_AUTHORITY = statement(
    "INSERT INTO certificate_authority (fingerprint, subject, not_before, not_after, pem) "
    "VALUES (:fingerprint, :subject, :not_before, :not_after, :pem) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Expiring:
    """A certificate in use that has to be renewed."""

    fingerprint: str
    station_id: str
    serial_number: str
    not_after: datetime


async def save(
    connection: AsyncConnection,
    station_id: str,
    certificate: CertificateDetails,
    chain: str,
    source: Source,
    authority: str | None,
) -> None:
    """Store a certificate before it goes to the station; `chain` is what is sent."""
    await connection.execute(
        _SAVE,
        {
            "fingerprint": certificate.fingerprint,
            "station_id": station_id,
            "source": source,
            "authority": authority,
            "serial_number": certificate.serial_number,
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "not_before": certificate.not_before,
            "not_after": certificate.not_after,
            "pem": certificate.pem,
            "chain": chain,
        },
    )


async def save_status(connection: AsyncConnection, statuses: dict[str, str]) -> None:
    """Store whether stations took certificates: by fingerprint `installed` or `refused`."""
    if statuses:
        await connection.execute(_SAVE_STATUS, arrays(_STATUS, sorted(statuses.items())))


async def chain_of(connection: AsyncConnection, fingerprint: str) -> str:
    """Return what is sent to the station."""
    return str((await connection.execute(_CHAIN, {"fingerprint": fingerprint})).scalar_one())


async def take_expiring(connection: AsyncConnection, days: int, most: int) -> list[Expiring]:
    """Return certificates in use that end within `days`, each once."""
    rows = await connection.execute(_EXPIRING, {"days": days, "most": most})
    return [Expiring(*row) for row in rows]


async def revoke(connection: AsyncConnection, fingerprint: str, reason: str) -> Any | None:
    """Revoke a certificate; None where it is revoked already or unknown."""
    parameters = {"fingerprint": fingerprint, "reason": reason}
    return (await connection.execute(_REVOKE, parameters)).first()


async def revocations(connection: AsyncConnection, authority: str) -> list[Revocation]:
    """Return what belongs on an authority's CRL."""
    rows = await connection.execute(_REVOCATIONS, {"authority": authority})
    return [
        Revocation(int(row.serial_number, 16), row.revoked_at, row.revocation_reason)
        for row in rows
    ]


async def revoked_among(connection: AsyncConnection, fingerprints: Iterable[str]) -> frozenset[str]:
    """Return which of these certificates were revoked here, whoever signed them."""
    rows = await connection.execute(_REVOKED_AMONG, {"fingerprints": list(fingerprints)})
    return frozenset(row.fingerprint for row in rows)


async def lock_authorities(connection: AsyncConnection) -> set[str]:
    """Return the known authorities; nobody else makes one until the commit."""
    await connection.execute(_AUTHORITIES_LOCK)
    return await known_authorities(connection)


async def known_authorities(connection: AsyncConnection) -> set[str]:
    """Return the fingerprints of all that have signed here."""
    return {row.fingerprint for row in await connection.execute(_AUTHORITIES)}


async def save_authority(
    connection: AsyncConnection, authority: CertificateDetails, pem: str
) -> None:
    """Remember that an authority signs here."""
    await connection.execute(
        _SAVE_AUTHORITY,
        {
            "fingerprint": authority.fingerprint,
            "subject": authority.subject,
            "not_before": authority.not_before,
            "not_after": authority.not_after,
            "pem": pem,
        },
    )


def known_statuses(outcomes: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Fold outcomes per certificate: a yes stands above a no."""
    folded: dict[str, str] = {}
    for fingerprint, status in outcomes:
        if folded.get(fingerprint) != "installed":
            folded[fingerprint] = status
    return folded
