"""How a process ends in any case: its tasks are cancelled until they end, and time is bounded.

A cancellation can be lost: `asyncio.wait_for` of Python 3.11 returns in place of raising one that
comes with the result (CPython, gh-86296), and aiormq raises the loss of a connection in place of
one that comes with it.
"""

import asyncio
import os
import sys
import threading
import traceback
from collections.abc import Collection
from typing import Any

import structlog

log = structlog.get_logger(__name__)

# Longer than a task needs to give back what it holds.
CANCELLED_AGAIN_S = 3.0
# In compose a service is killed 15 s after it was asked to end, in Kubernetes after 30 s.
SERVICE_ENDS_WITHIN_S = 14.0
# As of a process that was killed: something was not finished, though nothing acknowledged is lost.
GIVEN_UP = 137
_LINES = 20


async def end_tasks(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks, and those that go on once more, until all have ended."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCELLED_AGAIN_S)
        if left:
            log.warning("tasks_go_on", tasks=[where(task) for task in left])


class EndWatch:
    """Ends the process where it has not ended itself `within_s` seconds after `begin`.

    A thread of its own watches, for the loop may be what stands still. What the process holds
    unacknowledged goes back to its queue with the connection.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, within_s: float) -> None:
        self._loop = loop
        self._timer = threading.Timer(within_s, self._give_up)
        self._timer.daemon = True
        self._within_s = within_s

    def begin(self) -> None:
        """Begin to watch; once more changes nothing."""
        if not self._timer.is_alive():
            self._timer.start()

    def _give_up(self) -> None:
        if self._loop.is_closed():
            return
        try:
            tasks = [where(task) for task in asyncio.all_tasks(self._loop)]
            log.error("end_given_up", after_s=self._within_s, tasks=tasks, now=_main_thread())
        finally:
            os._exit(GIVEN_UP)


def where(task: "asyncio.Task[Any]") -> str:
    """Return the lines on which a task waits, from its coroutine to the innermost."""
    lines: list[str] = []
    inner: Any = task.get_coro()
    while inner is not None and len(lines) < _LINES:
        frame = getattr(inner, "cr_frame", None) or getattr(inner, "gi_frame", None)
        if frame is not None:
            lines.append(_line(frame.f_code.co_qualname, frame.f_code.co_filename, frame.f_lineno))
        inner = getattr(inner, "cr_await", None) or getattr(inner, "gi_yieldfrom", None)
    return " > ".join(lines)


def _main_thread() -> str:
    """Return where the loop's thread is now: all there is to see where the loop stands still."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    stack = traceback.extract_stack(frame)[-_LINES:]
    return " > ".join(_line(one.name, one.filename, one.lineno or 0) for one in stack)


def _line(name: str, file: str, number: int) -> str:
    return f"{name} {os.path.basename(file)}:{number}"
