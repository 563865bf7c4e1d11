"""Jobs of a station that goes to another tenant."""

from sqlalchemy.ext.asyncio import AsyncConnection

from station_registry.jobs.handlers.jobs import settle_jobs
from station_registry.jobs.store.cancelling import cancel_of_station
from station_registry.jobs.store.jobs import lock_jobs_of


async def cancel_jobs(connection: AsyncConnection, station_id: str) -> None:
    """End a station's open jobs and tell of it; the station is locked."""
    await lock_jobs_of(connection, [station_id])
    await cancel_of_station(connection, station_id)
    await settle_jobs(connection, [station_id], ())
