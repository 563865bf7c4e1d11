"""Built-in authorities and root certificates in stations that end soon, each told once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from station_registry.database.sql import statement

_AUTHORITIES = statement(
    "UPDATE certificate_authority SET expiring_told_at = now() WHERE fingerprint IN ("
    "SELECT fingerprint FROM certificate_authority WHERE expiring_told_at IS NULL "
    "AND not_after < now() + make_interval(days => :days) "
    "ORDER BY fingerprint FOR UPDATE SKIP LOCKED) RETURNING fingerprint, subject, not_after"
)
_ROOTS = statement(
    "UPDATE installed_certificate SET expiring_told_at = now() WHERE ctid = ANY(ARRAY("
    "SELECT i.ctid FROM installed_certificate i JOIN station s USING (station_id) "
    "WHERE s.deleted_at IS NULL AND i.present AND i.expiring_told_at IS NULL "
    "AND i.not_after < now() + make_interval(days => :days) "
    "ORDER BY i.not_after LIMIT :most FOR UPDATE OF i SKIP LOCKED)) "
    "RETURNING station_id, certificate_type, serial_number, not_after"
)


@dataclass(frozen=True, slots=True)
class ExpiringAuthority:
    """A built-in authority whose own certificate ends."""

    fingerprint: str
    subject: str
    not_after: datetime


@dataclass(frozen=True, slots=True)
class ExpiringRoot:
    """A root certificate that ends, in one station's store."""

    station_id: str
    certificate_type: str
    serial_number: str
    not_after: datetime


async def take_authorities(connection: AsyncConnection, days: int) -> list[ExpiringAuthority]:
    """Return authorities that end within `days`, each once."""
    return [
        ExpiringAuthority(*row) for row in await connection.execute(_AUTHORITIES, {"days": days})
    ]


async def take_roots(connection: AsyncConnection, days: int, most: int) -> list[ExpiringRoot]:
    """Return roots in stations that end within `days`, each once per station."""
    rows = await connection.execute(_ROOTS, {"days": days, "most": most})
    return [ExpiringRoot(*row) for row in rows]
