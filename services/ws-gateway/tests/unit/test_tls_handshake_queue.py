"""The queue of TLS handshakes: in order, a few at once, and who is slow makes room."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ws_gateway.websocket import tls_handshake_queue
from ws_gateway.websocket.connection_limiter import CROWDED_SILENCE_S
from ws_gateway.websocket.tls_handshake_queue import (
    BEGIN_PER_ITERATION,
    LONGEST_WAIT_S,
    TlsHandshakeQueue,
)


class FakeHandshake:
    def __init__(self, begun: list["FakeHandshake"]) -> None:
        self._begun = begun
        self.given_up = ""

    def begin(self) -> None:
        self._begun.append(self)

    def give_up(self, reason: str) -> None:
        self.given_up = reason


async def _iterations_of_the_loop(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_a_few_begin_at_each_turn_of_the_loop_in_order_of_arrival() -> None:
    begun: list[FakeHandshake] = []
    queue = TlsHandshakeQueue()
    all_of_them = [FakeHandshake(begun) for _ in range(10 * BEGIN_PER_ITERATION)]
    for each in all_of_them:
        queue.enqueue(each)
    assert begun == []
    for turn in range(1, 11):
        await _iterations_of_the_loop(1)
        assert len(begun) <= turn * BEGIN_PER_ITERATION
    await _iterations_of_the_loop(2)
    assert begun == all_of_them


async def test_no_more_are_under_way_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_handshake_queue, "MOST_AT_ONCE", 5)
    begun: list[FakeHandshake] = []
    queue = TlsHandshakeQueue()
    for _ in range(12):
        queue.enqueue(FakeHandshake(begun))
    await _iterations_of_the_loop(20)
    assert len(begun) == 5
    queue.remove(begun[2])
    await _iterations_of_the_loop(20)
    assert len(begun) == 6


async def test_who_is_slow_makes_room_for_those_that_wait_and_for_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tls_handshake_queue, "MOST_AT_ONCE", 5)
    now = [100.0]
    begun: list[FakeHandshake] = []
    queue = TlsHandshakeQueue(clock=lambda: now[0])
    for _ in range(5):
        queue.enqueue(FakeHandshake(begun))
    await _iterations_of_the_loop(20)
    now[0] += CROWDED_SILENCE_S + 1
    queue.give_up_slow()
    assert [each.given_up for each in begun] == [""] * 5
    for _ in range(2):
        queue.enqueue(FakeHandshake(begun))
    await _iterations_of_the_loop(20)
    assert len(begun) == 5
    queue.give_up_slow()
    await _iterations_of_the_loop(20)
    assert [each.given_up for each in begun] == ["handshake_displaced"] * 2 + [""] * 5


async def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_handshake_queue, "MOST_AT_ONCE", 0)
    now = [100.0]
    waiting = [FakeHandshake([]) for _ in range(3)]
    queue = TlsHandshakeQueue(clock=lambda: now[0])
    for each in waiting:
        queue.enqueue(each)
        now[0] += 1
    now[0] += LONGEST_WAIT_S - 2.5
    queue.give_up_slow()
    assert [each.given_up for each in waiting] == ["too_many_at_once", "", ""]


@given(st.lists(st.sampled_from(["wait", "leave", "slow", "time", "turn"]), max_size=60))
def test_whoever_waits_begins_once_or_is_given_up_in_any_order_of_events(
    events: list[str],
) -> None:
    async def run() -> None:
        now = [100.0]
        begun: list[FakeHandshake] = []
        queue = TlsHandshakeQueue(clock=lambda: now[0])
        known: list[FakeHandshake] = []
        left: set[FakeHandshake] = set()
        for event in events:
            if event == "wait":
                known.append(FakeHandshake(begun))
                queue.enqueue(known[-1])
            elif event == "leave" and begun:
                queue.remove(begun[0])
                left.add(begun[0])
            elif event == "slow":
                queue.give_up_slow()
            elif event == "time":
                now[0] += 2.0
            else:
                await _iterations_of_the_loop(1)
            under_way = [each for each in begun if each not in left and not each.given_up]
            assert len(under_way) <= 3
        for _ in range(len(known) + 1):
            now[0] += CROWDED_SILENCE_S + 0.1
            queue.give_up_slow()
            await _iterations_of_the_loop(5)
        assert len(begun) == len(set(begun))
        assert all(each in begun or each.given_up for each in known)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tls_handshake_queue, "MOST_AT_ONCE", 3)
        asyncio.run(run())
