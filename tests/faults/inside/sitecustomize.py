"""Faults inside a service's process: Python reads this at the start where PYTHONPATH says so.

`FAULT_POISON` is a station id: the process kills itself on meeting a call of that station.
`FAULT_HANG` names stations by the start of their ids: the first `HANGS` batches with their calls
stay in hand for `FAULT_HANG_S` seconds, while the process lives on.
`FAULT_FAILING_REQUESTS` lets every so manieth request of other services be answered with 500.
`FAULT_SLOW_PAGE_S` is how long the database takes for each page of re-asserted connections.
`FAULT_CLOCK_S` is how many seconds this process's wall clock runs ahead.
"""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

HANGS = 2

Handle = Callable[[Any, Sequence[Any]], Awaitable[None]]


def _meets(works: Sequence[Any], stations: str | None) -> bool:
    return stations is not None and any(
        isinstance(work.item, dict) and str(work.item.get("station_id")).startswith(stations)
        for work in works
    )


def _with_faults(handle: Handle, poison: str | None, hang: str | None) -> Handle:
    hangs = itertools.count()

    async def handle_or_not(inbox: Any, works: Sequence[Any]) -> None:
        if _meets(works, poison):
            os.kill(os.getpid(), signal.SIGKILL)
        if _meets(works, hang) and next(hangs) < HANGS:
            await asyncio.sleep(float(os.environ["FAULT_HANG_S"]))
        await handle(inbox, works)

    return handle_or_not


def _failing_at_times(handle: Callable[[Any, Any], Awaitable[Any]], every: int) -> Any:
    requests = itertools.count(1)

    async def handle_or_fail(inbox: Any, item: Any) -> Any:
        if next(requests) % every == 0:
            from csms_shared.refusals import refuse

            raise refuse(500, "internal_error", "a fault of the test")
        return await handle(inbox, item)

    return handle_or_fail


def _shift_clock(seconds: float) -> None:
    true_time, true_time_ns = time.time, time.time_ns
    time.time = lambda: true_time() + seconds
    time.time_ns = lambda: true_time_ns() + int(seconds * 1e9)


def _slow_down_pages(seconds: float) -> None:
    from sqlalchemy import text

    from csms_shared.contracts.envelope import BATCH_MAX_ITEMS
    from station_registry.handlers import ownership

    reassert = ownership.reassert_connections

    async def reassert_slowly(
        connection: Any, works: Sequence[Any], *rest: Any, **more: Any
    ) -> Any:
        replies = await reassert(connection, works, *rest, **more)
        for _ in range(0, len(works), BATCH_MAX_ITEMS):
            await connection.execute(text("SELECT pg_sleep(:s)"), {"s": seconds})
        return replies

    ownership.reassert_connections = reassert_slowly


if "FAULT_SLOW_PAGE_S" in os.environ:
    _slow_down_pages(float(os.environ["FAULT_SLOW_PAGE_S"]))
if "FAULT_CLOCK_S" in os.environ:
    _shift_clock(float(os.environ["FAULT_CLOCK_S"]))
if "FAULT_POISON" in os.environ or "FAULT_HANG" in os.environ:
    from csms_shared.inbox import Inbox

    Inbox.handle = _with_faults(  # type: ignore[assignment,method-assign]
        Inbox.handle, os.environ.get("FAULT_POISON"), os.environ.get("FAULT_HANG")
    )
if "FAULT_FAILING_REQUESTS" in os.environ:
    from csms_shared.requests_inbox import RequestsInbox

    RequestsInbox._handle = _failing_at_times(  # type: ignore[method-assign]
        RequestsInbox._handle, int(os.environ["FAULT_FAILING_REQUESTS"])
    )
