"""What a station's former tenant had begun with it ends."""

from sqlalchemy.ext.asyncio import AsyncConnection

from station_registry.database.sql import statement
from station_registry.jobs.store.jobs import OPEN
from station_registry.jobs.store.rollouts import FINAL

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

_CANCEL = statement(
    "UPDATE station_job SET cancelled_at = now() "
    f"WHERE station_id = :station_id AND status IN ({OPEN})"
)
_WAIT_NO_MORE = statement(
    "DELETE FROM firmware_rollout_station s USING firmware_rollout r "
    f"WHERE r.status NOT IN ({FINAL}) AND s.rollout_id = r.rollout_id "
    "AND s.station_id = :station_id AND s.job_id IS NULL"
)


async def cancel_of_station(connection: AsyncConnection, station_id: str) -> None:
    """Mark a station's open jobs cancelled, and take it from the rollouts that it waits in.

    Its job lock is held.
    """
    await connection.execute(_CANCEL, {"station_id": station_id})
    await connection.execute(_WAIT_NO_MORE, {"station_id": station_id})
