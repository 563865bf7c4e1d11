"""Commands that nobody will finish any more end in time, whatever else is kept up."""

import asyncio

import asyncpg
import pytest
from command_api_fakes import eventually
from migrated_database import migrated_database
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api import process
from command_api.settings import CommandApiSettings
from csms_local.nodes.ports import free_port
from csms_shared.db.upkeep import UpkeepTask

pytestmark = pytest.mark.asyncio(loop_scope="package")

_OVERDUE = """
    INSERT INTO command.commands (command_id, station_id, action, ocpp_version, payload, status,
        created_by, created_at, deadline, held, attempts)
    VALUES (gen_random_uuid(), 'CS-1', 'ClearCache', 'ocpp1.6', '{}', 'pending',
        'admin', now() - interval '2 minutes', now() - interval '1 minute', false, 0)
"""
_STILL_OPEN = "SELECT count(*) FROM command.commands WHERE status = 'pending'"


async def test_commands_end_beside_upkeep_that_takes_as_long_as_it_likes(
    broker_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: set[str] = set()

    def endless(number: int) -> UpkeepTask:
        async def work(_: AsyncConnection) -> None:
            begun.add(f"{number}")
            await asyncio.Event().wait()

        return UpkeepTask(f"endless {number}", 1.0, work)

    async def all_begun() -> bool:
        return len(begun) == len(tasks)

    tasks = tuple(map(endless, range(3)))
    monkeypatch.setattr(process, "purges", lambda **_: tasks)
    async with migrated_database(database_url) as database:
        settings = CommandApiSettings(
            broker_url=broker_url,
            database_url=database.service_url,
            probe_port=free_port(),
            http_port=free_port(),
            admin_password="the administrator's password",
            token_secret="a secret for the tests of this service",
            credential_pepper="pepper for the tests of this service",
        )
        stop = asyncio.Event()
        owner = await asyncpg.connect(database.owner_url)

        async def still_open() -> int:
            return int(
                await owner.fetchval(
                    "SELECT count(*) FROM command.commands WHERE status = 'pending'"
                )
            )

        async with process.command_api(settings) as service:
            running = asyncio.create_task(service.run(stop))
            try:
                await eventually(all_begun, bool, within_s=30)
                await owner.execute(_OVERDUE)
                await eventually(still_open, lambda count: count == 0, within_s=20)
            finally:
                stop.set()
                await owner.close()
                async with asyncio.timeout(20):
                    await running
