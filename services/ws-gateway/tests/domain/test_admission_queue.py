"""Turns as a table of time: who goes, who waits, who is turned away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ws_gateway.domain.admission_queue import Called, Turn, Turns

NOBODY_GONE = frozenset[int]()


def _turns(**changed: float) -> Turns[int]:
    options = {"rate": 10, "burst": 5, "max_waiting": 20, "longest_wait_s": 5.0, **changed}
    return Turns(
        rate=options["rate"],
        burst=int(options["burst"]),
        max_waiting=int(options["max_waiting"]),
        longest_wait_s=options["longest_wait_s"],
        max_under_way=int(options["under_way"]) if "under_way" in options else None,
    )


def _come(turns: Turns[int], now: float, gone: frozenset[int] = NOBODY_GONE) -> Called[int]:
    return turns.come(now, lambda item: item in gone)


def test_a_burst_goes_at_once_then_others_wait_and_too_many_are_refused() -> None:
    turns = _turns()
    asked = [turns.enter(number, 100.0, first=False) for number in range(30)]
    assert asked == [Turn.NOW] * 6 + [Turn.WAITS] * 20 + [Turn.REFUSED] * 4
    assert turns.next_in(100.0) == pytest.approx(0.1)
    assert _come(turns, 100.35).coming == [6, 7, 8]
    assert turns.waiting == 17


def test_who_comes_first_in_line_overtakes_everybody_else() -> None:
    turns = _turns(burst=0)
    assert turns.enter(0, 100.0, first=False) is Turn.NOW
    for number, first in ((1, False), (2, True), (3, False), (4, True)):
        assert turns.enter(number, 100.0, first=first) is Turn.WAITS
    came = [_come(turns, 100.0 + second).coming for second in range(1, 5)]
    assert came == [[2], [4], [1], [3]]


def test_in_a_full_queue_who_comes_first_takes_the_place_of_the_last_of_the_others() -> None:
    turns = _turns(burst=0, max_waiting=2)
    turns.enter(0, 100.0, first=False)
    turns.enter(1, 100.0, first=False)
    turns.enter(2, 100.0, first=False)
    assert turns.enter(3, 100.0, first=True) is Turn.WAITS
    assert turns.next_in(100.0) == 0.0
    assert _come(turns, 100.0) == ([], [2], [])
    assert turns.enter(4, 100.0, first=True) is Turn.WAITS
    assert turns.enter(5, 100.0, first=True) is Turn.REFUSED


def test_nobody_waits_longer_than_the_longest_wait() -> None:
    turns = _turns(burst=0, under_way=1)
    turns.enter(0, 100.0, first=False)
    turns.enter(1, 100.0, first=False)
    turns.enter(2, 102.0, first=False)
    assert turns.next_in(100.0) == 5.0
    assert _come(turns, 105.0) == ([], [1], [])
    turns.leave()
    assert _come(turns, 105.0).coming == [2]


def test_only_so_many_are_under_way() -> None:
    turns = _turns(rate=1000, burst=100, under_way=2)
    asked = [turns.enter(number, 100.0, first=False) for number in range(4)]
    assert asked == [Turn.NOW, Turn.NOW, Turn.WAITS, Turn.WAITS]
    assert _come(turns, 101.0).coming == []
    turns.leave()
    assert _come(turns, 101.0).coming == [2]


def test_who_is_gone_takes_no_turn() -> None:
    turns = _turns(burst=0)
    for number in range(4):
        turns.enter(number, 100.0, first=False)
    assert _come(turns, 100.11, frozenset({1, 2})) == ([3], [], [1, 2])


_STEPS = st.lists(
    st.tuples(
        st.floats(0, 0.5),
        st.sampled_from(["enter", "enter first", "come", "leave"]),
        st.booleans(),
    ),
    max_size=200,
)


@given(_STEPS)
def test_everybody_gets_one_answer_and_every_bound_holds(
    steps: list[tuple[float, str, bool]],
) -> None:
    turns = _turns(rate=20, burst=3, max_waiting=4, longest_wait_s=1.0, under_way=3)
    now, under_way, went = 100.0, 0, list[float]()
    waiting: dict[int, float] = {}
    gone: set[int] = set()
    for number, (passed, step, goes) in enumerate(steps):
        now += passed
        if step.startswith("enter"):
            turn = turns.enter(number, now, first=step == "enter first")
            if turn is Turn.WAITS:
                waiting[number] = now
                gone |= {number} if goes else set()
            elif turn is Turn.NOW:
                went.append(now)
                under_way += 1
        elif step == "leave" and under_way:
            turns.leave()
            under_way -= 1
        called = turns.come(now, gone.__contains__)
        for item in (*called.coming, *called.refused, *called.gone):
            assert now - waiting.pop(item) <= 1.0 + passed
        assert not gone & set(called.coming)
        went += [now] * len(called.coming)
        under_way += len(called.coming)
        assert under_way <= 3
        assert turns.waiting == len(waiting) <= 4
        assert (turns.next_in(now) is None) == (not waiting)
    for start in range(len(went)):
        for end in range(start, len(went)):
            assert end - start + 1 <= 3 + 1 + (went[end] - went[start]) * 20 + 1e-6
