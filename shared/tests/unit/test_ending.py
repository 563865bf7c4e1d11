"""Tasks that lose a cancellation are cancelled again, and a process that does not end is ended."""

import asyncio
import re
import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from csms_shared.service import ending
from csms_shared.service.ending import GIVEN_UP, end_tasks, where

_STUCK = """
import asyncio, os, signal, time
from csms_shared.service.process import run_service, stop_on_signals

async def swallow():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

async def serve():
    stop = stop_on_signals(0.2)
    os.kill(os.getpid(), signal.SIGTERM)
    await stop.wait()
    {rest}

run_service(serve())
"""


async def _loses_one(began: asyncio.Event) -> None:
    began.set()
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await asyncio.sleep(3600)


async def test_a_task_that_loses_its_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ending, "CANCELLED_AGAIN_S", 0.01)
    began = asyncio.Event()
    task = asyncio.create_task(_loses_one(began))
    await began.wait()
    with capture_logs() as logs:
        async with asyncio.timeout(30):
            await end_tasks([task])
    assert task.cancelled()
    assert "_loses_one test_ending.py" in logs[0]["tasks"][0]


async def test_tasks_that_have_ended_or_failed_are_not_waited_for() -> None:
    async def fails() -> None:
        raise ValueError

    async def ends() -> None:
        pass

    tasks = [asyncio.create_task(fails()), asyncio.create_task(ends())]
    await asyncio.wait(tasks)
    await end_tasks(tasks)
    assert isinstance(tasks[0].exception(), ValueError)


async def test_where_a_task_waits_is_told_by_its_lines() -> None:
    began = asyncio.Event()
    task = asyncio.create_task(_loses_one(began))
    await began.wait()
    assert re.fullmatch(r"_loses_one test_ending\.py:\d+ > sleep tasks\.py:\d+", where(task))
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()


@pytest.mark.parametrize("rest", ["await swallow()", "time.sleep(3600)"])
def test_a_process_that_does_not_end_is_ended_and_says_where_it_was(rest: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _STUCK.format(rest=rest)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == GIVEN_UP
    assert "end_given_up" in ended.stdout
    assert "serve <string>:" in ended.stdout


def test_a_process_that_ends_by_itself_is_left_alone() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _STUCK.format(rest="print('ended')")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "ended\n")
