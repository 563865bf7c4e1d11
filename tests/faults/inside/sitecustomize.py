"""Faults inside a service's process: Python reads this at the start where PYTHONPATH says so.

`FAULT_POISON` is a station id: the process kills itself on meeting its call of `FAULT_ACTION`.
`FAULT_HANG` names stations by the start of their ids: the first `HANGS` batches with their calls of
`FAULT_ACTION` stay unacknowledged for `FAULT_HANG_S` seconds, while the process lives on.
`FAULT_FAILING_REQUESTS` lets every so manieth request of other services be answered with 500.
`FAULT_SLOW_REQUEST` names requests by the model of their parameters: the database takes
`FAULT_SLOW_REQUEST_S` seconds longer for each.
`FAULT_SLOW_PAGE_S` is how long the database takes for each page of re-asserted connections.
`FAULT_SLOW_UPKEEP_S` is how long a statement of a purge takes, over and over, of as many purges as
their pool has connections. No statement of the process has a time-out shorter than that.
`FAULT_UPKEEP_EVERY_S` is the longest period of each upkeep task.
`FAULT_CLOCK_S` is how many seconds this process's wall clock runs ahead.
"""

import asyncio
import itertools
import math
import os
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

# Every program that Python starts reads this: what it has not asked for is not imported.
if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from csms_shared.broker.consumer import Rest
    from csms_shared.contracts.requests import RequestItem
    from csms_shared.db.engine import RequestHandler
    from csms_shared.db.upkeep import Upkeep, UpkeepTask
    from csms_shared.observability.system_notices import Tell
    from csms_shared.service.inbox import Inbox, Reply, Work
    from csms_shared.service.requests_inbox import RequestsInbox
    from station_registry.provisioning.domain.registration import Policies

    Commit = Callable[[Inbox, Sequence[Work]], Coroutine[Any, Any, Rest | None]]
    Handle = Callable[[RequestsInbox, RequestItem], Coroutine[Any, Any, object]]

Parameters = TypeVar("Parameters")

HANGS = 2
# Statements of requests end after 15 s.
_STEP_S = 5.0


def _meets(works: Sequence["Work"], stations: str | None) -> bool:
    return stations is not None and any(
        work.envelope.get("action") == os.environ["FAULT_ACTION"]
        and str(work.item.get("station_id")).startswith(stations)
        for work in works
        if isinstance(work.item, dict)
    )


def _with_faults(commit: "Commit", poison: str | None, hang: str | None) -> "Commit":
    hangs = itertools.count()

    async def commit_or_not(inbox: "Inbox", works: Sequence["Work"]) -> "Rest | None":
        if _meets(works, poison):
            os.kill(os.getpid(), signal.SIGKILL)
        if _meets(works, hang) and next(hangs) < HANGS:
            await asyncio.sleep(float(os.environ["FAULT_HANG_S"]))
        return await commit(inbox, works)

    return commit_or_not


def _failing_at_times(handle: "Handle", every: int) -> "Handle":
    requests = itertools.count(1)

    async def handle_or_fail(inbox: "RequestsInbox", item: "RequestItem") -> object:
        if next(requests) % every == 0:
            from csms_shared.contracts.refusals import refuse

            raise refuse(500, "internal_error", "a fault of the test")
        return await handle(inbox, item)

    return handle_or_fail


def _shift_clock(seconds: float) -> None:
    true_time, true_time_ns = time.time, time.time_ns
    time.time = lambda: true_time() + seconds
    time.time_ns = lambda: true_time_ns() + int(seconds * 1e9)


async def _take_time(connection: "AsyncConnection", seconds: float) -> None:
    from sqlalchemy import text

    await connection.execute(text("SELECT pg_sleep(:s)"), {"s": seconds})


def _slow_down_pages(seconds: float) -> None:
    from csms_shared.contracts.envelope import BATCH_MAX_ITEMS
    from station_registry.ownership.handlers import connections

    reassert = connections.reassert_connections

    async def reassert_slowly(
        connection: "AsyncConnection", works: Sequence["Work"], policies: "Policies"
    ) -> list["Reply"]:
        replies = await reassert(connection, works, policies)
        for _ in range(0, len(works), BATCH_MAX_ITEMS):
            await _take_time(connection, seconds)
        return replies

    connections.reassert_connections = reassert_slowly


def _slow_down_requests(model: str, seconds: float) -> None:
    from csms_shared.db import engine as engines

    transactional = engines.transactional
    steps = math.ceil(seconds / _STEP_S)

    def transactional_slowly(
        engine: "AsyncEngine",
        work: Callable[["AsyncConnection", Parameters], Awaitable[object]],
    ) -> "RequestHandler":
        async def work_slowly(connection: "AsyncConnection", parameters: Parameters) -> object:
            if type(parameters).__name__ == model:
                for _ in range(steps):
                    await _take_time(connection, seconds / steps)
            return await work(connection, parameters)

        return transactional(engine, work_slowly)

    engines.transactional = transactional_slowly


def _change_upkeep(change: Callable[[Sequence["UpkeepTask"]], Sequence["UpkeepTask"]]) -> None:
    from csms_shared.db import upkeep

    begin = upkeep.Upkeep.__init__

    def begin_changed(
        self: "Upkeep",
        engine: "AsyncEngine",
        schema: str,
        tasks: Sequence["UpkeepTask"],
        tell: "Tell | None" = None,
    ) -> None:
        told = () if tell is None else (tell,)
        begin(self, engine, schema, change(tasks), *told)

    upkeep.Upkeep.__init__ = begin_changed  # type: ignore[method-assign]


def _slow_down_upkeep(seconds: float) -> None:
    from csms_shared.db import engine as engines
    from csms_shared.service.owning_service import UPKEEP_CONNECTIONS

    engines.STATEMENT_TIMEOUT_MS = int(2000 * seconds)

    def slowly(task: "UpkeepTask") -> "UpkeepTask":
        async def work(connection: "AsyncConnection") -> bool | None:
            await _take_time(connection, seconds)
            return await task.work(connection)

        return replace(task, every_s=1.0, work=work)

    def change(tasks: Sequence["UpkeepTask"]) -> Sequence["UpkeepTask"]:
        purges = [task for task in tasks if task.name.startswith("purge_")][:UPKEEP_CONNECTIONS]
        return [slowly(task) if task in purges else task for task in tasks]

    _change_upkeep(change)


def _hurry_upkeep(longest_s: float) -> None:
    _change_upkeep(
        lambda tasks: [replace(task, every_s=min(task.every_s, longest_s)) for task in tasks]
    )


if "FAULT_SLOW_PAGE_S" in os.environ:
    _slow_down_pages(float(os.environ["FAULT_SLOW_PAGE_S"]))
if "FAULT_SLOW_REQUEST" in os.environ:
    _slow_down_requests(os.environ["FAULT_SLOW_REQUEST"], float(os.environ["FAULT_SLOW_REQUEST_S"]))
if "FAULT_SLOW_UPKEEP_S" in os.environ:
    _slow_down_upkeep(float(os.environ["FAULT_SLOW_UPKEEP_S"]))
if "FAULT_UPKEEP_EVERY_S" in os.environ:
    _hurry_upkeep(float(os.environ["FAULT_UPKEEP_EVERY_S"]))
if "FAULT_CLOCK_S" in os.environ:
    _shift_clock(float(os.environ["FAULT_CLOCK_S"]))
if "FAULT_POISON" in os.environ or "FAULT_HANG" in os.environ:
    from csms_shared.service.inbox import Inbox

    Inbox.commit = _with_faults(  # type: ignore[assignment,method-assign]
        Inbox.commit, os.environ.get("FAULT_POISON"), os.environ.get("FAULT_HANG")
    )
if "FAULT_FAILING_REQUESTS" in os.environ:
    from csms_shared.service.requests_inbox import RequestsInbox

    RequestsInbox._handle = _failing_at_times(  # type: ignore[assignment,method-assign]
        RequestsInbox._handle, int(os.environ["FAULT_FAILING_REQUESTS"])
    )
