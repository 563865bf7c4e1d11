"""The order in which a batch locks stations and their jobs: that of whoever else locks both."""

import asyncio

import pytest
from driven_registry import Registry
from job_works import STATION, ended, report

from csms_shared.contracts.command_ids import new_command_id
from csms_shared.runtime.clock import now_ms
from station_registry.jobs.store.jobs import TRY_LOCK, lock_jobs_of

_WAITING = """
SELECT 1 FROM pg_locks JOIN pg_database AS d ON d.oid = pg_locks.database
WHERE NOT granted AND locktype = 'advisory' AND d.datname = current_database()
"""


async def test_a_batch_of_several_actions_takes_its_job_locks_in_one_order(
    registry: Registry,
) -> None:
    """As every other batch does, so that no two of them wait for each other."""
    last = report(registry, "Installed", 1, now_ms())
    last.item["station_id"] = "B"
    first = report(registry, "Uploaded", 2, now_ms(), action="DiagnosticsStatusNotification")
    first.item["station_id"] = "A"
    command = ended(new_command_id(now_ms()), "UpdateFirmware", "accepted", now_ms(), "0")
    async with registry.engine.begin() as other:
        await lock_jobs_of(other, ["0"])
        batch = asyncio.create_task(registry.send([last, first, command]))
        try:
            while not await registry.query(_WAITING):
                assert not batch.done()
                await asyncio.sleep(0.01)
            free = await registry.query(
                f"SELECT {TRY_LOCK} AS free FROM unnest(ARRAY['A', 'B']) AS stations (station_id)"
            )
            assert all(row.free for row in free)
        finally:
            await other.rollback()
            await batch
    assert registry.parked == []
    assert [row.station_id for row in await registry.query("SELECT station_id FROM station_job")]


@pytest.mark.parametrize("action", ["ChangeConfiguration", "GetConfiguration", "Reset"])
async def test_a_batch_locks_its_stations_before_its_jobs(registry: Registry, action: str) -> None:
    """As whoever creates a job does, so that neither waits for the other."""
    await registry.request("stations.create", station_id=STATION)
    command = ended(new_command_id(now_ms()), "UpdateFirmware", "accepted", now_ms())
    change = ended(new_command_id(now_ms()), action, "accepted", now_ms())
    async with registry.engine.begin() as other:
        await lock_jobs_of(other, [STATION])
        batch = asyncio.create_task(registry.send([command, change]))
        try:
            while not await registry.query(_WAITING):
                assert not batch.done()
                await asyncio.sleep(0.01)
            assert not await registry.query("SELECT 1 FROM station FOR UPDATE SKIP LOCKED")
        finally:
            await other.rollback()
            await batch
    assert registry.parked == []
    assert await registry.query("SELECT 1 FROM station FOR UPDATE SKIP LOCKED")
