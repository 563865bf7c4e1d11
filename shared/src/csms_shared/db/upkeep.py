"""Periodic upkeep, each task in one replica at a time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.db.engine import in_transaction
from csms_shared.errors import Unavailable

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UpkeepTask:
    """Work that is done every `every_s` seconds by whichever replica gets there first."""

    name: str
    every_s: float
    work: Callable[[AsyncConnection], Awaitable[None]]


async def run_upkeep(engine: AsyncEngine, schema: str, tasks: tuple[UpkeepTask, ...]) -> None:
    """Run the tasks until cancelled; a failure is logged and tried again at the next turn."""
    async with asyncio.TaskGroup() as group:
        for task in tasks:
            group.create_task(_repeat(engine, schema, task))


async def _repeat(engine: AsyncEngine, schema: str, task: UpkeepTask) -> None:
    while True:
        try:
            await in_transaction(engine, lambda connection: _once(connection, schema, task))
        except Unavailable as error:
            log.warning("upkeep_waits", task=task.name, error=str(error))
        except Exception:
            log.exception("upkeep_failed", task=task.name)
        await asyncio.sleep(task.every_s * random.uniform(0.9, 1.1))  # noqa: S311 - jitter


async def _once(connection: AsyncConnection, schema: str, task: UpkeepTask) -> None:
    taken = await connection.execute(
        text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"{schema}.upkeep.{task.name}"},
    )
    if taken.scalar_one():
        await task.work(connection)


def purge_outbox(outbox: Table, keep_hours: int = 24) -> UpkeepTask:
    """Return the task that deletes published events older than `keep_hours`, in slices."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(
            text(
                f"DELETE FROM {outbox.name} WHERE id IN (SELECT id FROM {outbox.name} "  # noqa: S608
                "WHERE published_at < now() - make_interval(hours => :hours) "
                "ORDER BY id LIMIT 20000)"
            ),
            {"hours": keep_hours},
        )

    return UpkeepTask("purge_outbox", 60.0, work)
