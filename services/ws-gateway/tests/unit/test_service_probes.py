"""Whether a service answers, as a gateway finds out that may have stood still itself."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
from gateway_fakes.waiting import until

from csms_shared.broker.errors import RequestTimedOut
from ws_gateway.amqp import services
from ws_gateway.amqp.own_queue import OwnQueue
from ws_gateway.amqp.services import ServiceWatch

PROBE_S = 0.3
STILL_S = 2 * PROBE_S


class ProbedQueue:
    """Answers probes soon, unless told otherwise, and counts them."""

    def __init__(self) -> None:
        self.probes = 0
        self.answers = True
        self.stands_still: Callable[[int], bool] = lambda _: False

    async def until_consuming(self, within_s: float) -> bool:
        return True

    async def ask(self, *_: Any, deadline_ms: int) -> bytes:
        self.probes += 1
        if self.stands_still(self.probes):
            asyncio.get_running_loop().call_soon(time.sleep, STILL_S)
        answer = asyncio.Event()
        if self.answers:
            # As from a socket: what arrived meanwhile is read after time-outs have ended.
            asyncio.get_running_loop().call_later(
                PROBE_S / 3, lambda: asyncio.get_running_loop().call_later(0.01, answer.set)
            )
        try:
            async with asyncio.timeout(PROBE_S):
                await answer.wait()
        except TimeoutError as error:
            raise RequestTimedOut("no answer") from error
        return b""


class Watched:
    """A watch that has found its service answering, and what it finds from then on."""

    def __init__(self) -> None:
        self.queue = ProbedQueue()
        # After how many probes.
        self.found_away: list[int] = []
        self.watch = ServiceWatch(
            "session-service",
            cast(Any, None),
            cast(OwnQueue, self.queue),
            lambda _: self.found_away.append(self.queue.probes),
        )

    async def probe(self) -> None:
        """Have a doubt, and wait until it is found to be right or wrong."""
        self.found_away.clear()
        self.watch.doubt()
        await until(lambda: bool(self.found_away) or not self.watch._doubt.is_set(), 10)


@pytest.fixture
async def watched(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    monkeypatch.setattr(services, "PROBE_TIMEOUT_S", PROBE_S)
    monkeypatch.setattr(services, "PROBE_INTERVAL_S", PROBE_S)
    monkeypatch.setattr(services, "_CONFIRM_S", 0.01)
    monkeypatch.setattr(services, "STALL_S", PROBE_S / 2)
    watched = Watched()
    running = asyncio.create_task(watched.watch.run())
    await until(lambda: not watched.watch.away, 10)
    yield watched
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_time_in_which_the_gateway_itself_stood_still_makes_no_service_away(
    watched: Watched,
) -> None:
    before = watched.queue.probes
    watched.queue.stands_still = lambda number: number == before + 1
    await watched.probe()
    assert watched.found_away == []
    assert watched.watch.takes_upgrades


async def test_a_service_that_does_not_answer_is_away_after_one_probe(watched: Watched) -> None:
    before = watched.queue.probes
    watched.queue.answers = False
    await watched.probe()
    assert watched.found_away[0] == before + 1


async def test_a_gateway_that_stands_still_again_and_again_finds_a_service_away_all_the_same(
    watched: Watched,
) -> None:
    before = watched.queue.probes
    watched.queue.answers = False
    watched.queue.stands_still = lambda _: True
    await watched.probe()
    assert watched.found_away[0] == before + 1 + services.MOST_REPEATS


async def test_what_was_answered_before_a_repeated_probe_makes_no_service_slow(
    watched: Watched,
) -> None:
    before = watched.queue.probes

    def stands_still(number: int) -> bool:
        if number == before + 1:
            # Its last decision; then it dies.
            watched.watch.answered()
        return number == before + 1

    watched.queue.answers = False
    watched.queue.stands_still = stands_still
    await watched.probe()
    assert watched.found_away[0] == before + 2


async def test_an_answer_to_a_repeated_probe_proves_a_service_as_any_other_does(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_PROOF_LASTS_S", PROBE_S)
    # Not confirmed for long: no other probe proves anything meanwhile.
    monkeypatch.setattr(services, "_CONFIRM_S", 10 * PROBE_S)
    before = watched.queue.probes
    watched.queue.stands_still = lambda number: number == before + 1
    watched.watch.doubt()
    await until(lambda: watched.queue.probes == before + 2, 10)
    async with asyncio.timeout(5 * PROBE_S):
        assert await watched.watch.proves_itself()
