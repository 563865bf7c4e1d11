"""Periodic upkeep: each task once a period in the whole fleet, in one replica at a time."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.db.engine import in_transaction
from csms_shared.db.purging import delete_slice
from csms_shared.observability.metrics import UPKEEP_FAILING
from csms_shared.observability.system_notices import MINUTE_S, Notice, Tell, tell_nobody
from csms_shared.runtime.clock import monotonic
from csms_shared.runtime.errors import Unavailable
from csms_shared.values.levels import Level

log = structlog.get_logger(__name__)

# Of a period: replicas look when it is nearly over, each with a jitter of its own.
_LOOKED_AFTER = 0.8
# What failed is not left until the next of its periods, which may be an hour long.
LONGEST_RETRY_S = 60.0
# The row lasts until the lock of the same task is given back: nobody waits for it. Not by `now()`,
# the time when the transaction began: a turn that another has taken since then lies ahead of it, as
# one of a clock that was wrong does.
_TAKE_TURN = text(
    "INSERT INTO upkeep_turn AS turn (task, began_at) SELECT :task, clock_timestamp() "
    "WHERE pg_try_advisory_xact_lock(hashtextextended(:lock, 0)) "
    "ON CONFLICT (task) DO UPDATE SET began_at = excluded.began_at "
    "WHERE turn.began_at NOT BETWEEN clock_timestamp() - make_interval(secs => :period) "
    "AND clock_timestamp() "
    "RETURNING task"
)
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:lock, 0))")


@dataclass(frozen=True, slots=True)
class UpkeepTask:
    """Work that is done every `every_s` seconds by whichever replica gets there first.

    `work` returns true where it has done a part and knows of more: that is done at once then, in
    a transaction of its own. While `is_able` says no, this replica leaves it to the others. What
    each replica shows of itself, such as a measurement, is done `in_each_replica`.
    """

    name: str
    every_s: float
    work: Callable[[AsyncConnection], Awaitable[bool | None]]
    is_able: Callable[[], bool] = lambda: True
    in_each_replica: bool = False


class Upkeep:
    """The tasks of one process."""

    def __init__(
        self,
        engine: AsyncEngine,
        schema: str,
        tasks: Sequence[UpkeepTask],
        tell: Tell = tell_nobody,
    ) -> None:
        self._engine = engine
        self._tell = tell
        self._failing_since: dict[str, float] = {}
        self._schema = schema
        self._tasks = tuple(tasks)
        self._failing: dict[str, str] = {}
        for task in self._tasks:
            UPKEEP_FAILING.labels(task.name).set(0)

    async def run(self) -> None:
        """Run the tasks until cancelled; a failure is shown, and tried again soon."""
        async with asyncio.TaskGroup() as group:
            for task in self._tasks:
                group.create_task(self._repeat(task))

    def warnings(self) -> dict[str, str]:
        """Return which tasks fail here, as what makes nobody less ready."""
        return {f"upkeep {name}": problem for name, problem in sorted(self._failing.items())}

    async def _repeat(self, task: UpkeepTask) -> None:
        while True:
            pause_s = task.every_s
            if task.is_able():
                problem = await self._attempt(task)
                self._show(task, problem)
                if problem is not None:
                    pause_s = min(pause_s, LONGEST_RETRY_S)
            await asyncio.sleep(pause_s * random.uniform(0.9, 1.1))  # noqa: S311 - jitter

    async def _attempt(self, task: UpkeepTask) -> str | None:
        """Do the task if it is due, and return what was wrong."""
        try:
            more = await in_transaction(self._engine, lambda one: self._begin(one, task))
            while more:
                more = await in_transaction(self._engine, lambda one: self._go_on(one, task))
        except Unavailable as error:
            log.warning("upkeep_waits", task=task.name, error=str(error))
            return str(error)[:200]
        except Exception as error:
            log.exception("upkeep_failed", task=task.name)
            self._tell_failing(task, error)
            return repr(error)[:200]
        return None

    async def _begin(self, connection: AsyncConnection, task: UpkeepTask) -> bool:
        if task.in_each_replica:
            return bool(await task.work(connection))
        turn = await connection.execute(
            _TAKE_TURN,
            {
                "task": task.name,
                "lock": self._lock(task),
                "period": task.every_s * _LOOKED_AFTER,
            },
        )
        return turn.first() is not None and bool(await task.work(connection))

    async def _go_on(self, connection: AsyncConnection, task: UpkeepTask) -> bool:
        taken = await connection.execute(_TRY_LOCK, {"lock": self._lock(task)})
        return bool(taken.scalar_one()) and bool(await task.work(connection))

    def _lock(self, task: UpkeepTask) -> str:
        return f"{self._schema}.upkeep.{task.name}"

    def _show(self, task: UpkeepTask, problem: str | None) -> None:
        # A turn of another replica says that it is well again: one that fails is never stored.
        UPKEEP_FAILING.labels(task.name).set(problem is not None)
        if problem is None:
            self._failing.pop(task.name, None)
            self._tell_recovered(task)
        else:
            self._failing[task.name] = problem

    def _tell_failing(self, task: UpkeepTask, error: Exception) -> None:
        """Tell of a defect once; that the database is away is told by what waits for it."""
        if task.name in self._failing_since:
            return
        self._failing_since[task.name] = monotonic()
        self._tell(
            Notice(
                "system.upkeep_failing",
                task.name,
                Level.ERROR,
                f"The periodic task {task.name} fails; it is tried again within a minute.",
                # What a statement was given may be part of the error's text.
                {"task": task.name, "error": type(error).__name__},
                MINUTE_S,
            )
        )

    def _tell_recovered(self, task: UpkeepTask) -> None:
        since = self._failing_since.pop(task.name, None)
        if since is None:
            return
        self._tell(
            Notice(
                "system.upkeep_recovered",
                task.name,
                Level.INFO,
                f"The periodic task {task.name} does not fail any more.",
                {"task": task.name, "failed_s": round(monotonic() - since, 1)},
                MINUTE_S,
            )
        )


def purge_outbox(keep_hours: int = 24) -> UpkeepTask:
    """Return the task that deletes events that have left `keep_hours` ago and earlier.

    By the order in which they were written, which needs no further index: it looks at the oldest
    rows only, and ends where they are too young.
    """

    async def work(connection: AsyncConnection) -> bool:
        return await delete_slice(
            connection,
            "outbox",
            "(SELECT ctid, published_at, stored_at FROM outbox ORDER BY id LIMIT :slice) AS oldest "
            "WHERE greatest(published_at, stored_at) < now() - make_interval(hours => :hours) "
            "AND published_at IS NOT NULL AND stored_at IS NOT NULL",
            hours=keep_hours,
        )

    return UpkeepTask("purge_outbox", 60.0, work)
