"""A station's password hashes and rotations, written back under the station's lock."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from station_registry.credentials.domain.password_hashes import Credentials
from station_registry.credentials.domain.rotations import Rotations
from station_registry.database.sql import at, statement

_SET_PASSWORD = statement(
    "UPDATE station SET password_hashes = :current, "
    "previous_password_hashes = :previous, either_password = :either, "
    "password_reboot_at = coalesce(:reboot_at, password_reboot_at) WHERE station_id = :station_id"
)
_SET_ROTATIONS = statement(
    "UPDATE station SET password_rotations = :known, password_rotation_until = :until "
    "WHERE station_id = :station_id"
)


async def save_credentials(
    connection: AsyncConnection,
    station_id: str,
    credentials: Credentials,
    reboot_at: datetime | None = None,
) -> None:
    """Store a station's password hashes; `reboot_at`: when it said that it must reboot first."""
    await connection.execute(
        _SET_PASSWORD,
        {
            "station_id": station_id,
            "current": list(credentials.current),
            "previous": list(credentials.previous),
            "either": credentials.either,
            "reboot_at": reboot_at,
        },
    )


async def save_rotations(
    connection: AsyncConnection, station_id: str, rotations: Rotations
) -> None:
    """Store which rotations of a station's password there were."""
    until_ms = rotations.until_ms
    await connection.execute(
        _SET_ROTATIONS,
        {
            "station_id": station_id,
            "known": list(rotations.known),
            "until": None if until_ms is None else at(until_ms),
        },
    )
