"""The admission queue as a table of time: who goes, who waits, who is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ws_gateway.domain.admission_queue import Admission, AdmissionQueue, Departures

NOBODY_GONE = frozenset[int]()


def _queue(**changed: float) -> AdmissionQueue[int]:
    options = {"rate": 10, "burst": 5, "max_waiting": 20, "longest_wait_s": 5.0, **changed}
    return AdmissionQueue(
        rate=options["rate"],
        burst=int(options["burst"]),
        max_waiting=int(options["max_waiting"]),
        longest_wait_s=options["longest_wait_s"],
        max_concurrent=int(options["under_way"]) if "under_way" in options else None,
    )


def _release(
    queue: AdmissionQueue[int], now: float, gone: frozenset[int] = NOBODY_GONE
) -> Departures[int]:
    return queue.release(now, lambda item: item in gone)


def test_a_burst_goes_at_once_then_others_wait_and_too_many_are_refused() -> None:
    queue = _queue()
    asked = [queue.enter(number, 100.0, first=False) for number in range(30)]
    assert asked == [Admission.NOW] * 6 + [Admission.WAITS] * 20 + [Admission.REFUSED] * 4
    assert queue.next_release_in(100.0) == pytest.approx(0.1)
    assert _release(queue, 100.35).admitted == [6, 7, 8]
    assert queue.waiting == 17


def test_who_comes_first_in_line_overtakes_everybody_else() -> None:
    queue = _queue(burst=0)
    assert queue.enter(0, 100.0, first=False) is Admission.NOW
    for number, first in ((1, False), (2, True), (3, False), (4, True)):
        assert queue.enter(number, 100.0, first=first) is Admission.WAITS
    came = [_release(queue, 100.0 + second).admitted for second in range(1, 5)]
    assert came == [[2], [4], [1], [3]]


def test_in_a_full_queue_who_comes_first_takes_the_place_of_the_last_of_the_others() -> None:
    queue = _queue(burst=0, max_waiting=2)
    queue.enter(0, 100.0, first=False)
    queue.enter(1, 100.0, first=False)
    queue.enter(2, 100.0, first=False)
    assert queue.enter(3, 100.0, first=True) is Admission.WAITS
    assert queue.next_release_in(100.0) == 0.0
    assert _release(queue, 100.0) == ([], [2], [])
    assert queue.enter(4, 100.0, first=True) is Admission.WAITS
    assert queue.enter(5, 100.0, first=True) is Admission.REFUSED


def test_nobody_waits_longer_than_the_longest_wait() -> None:
    queue = _queue(burst=0, under_way=1)
    queue.enter(0, 100.0, first=False)
    queue.enter(1, 100.0, first=False)
    queue.enter(2, 102.0, first=False)
    assert queue.next_release_in(100.0) == 5.0
    assert _release(queue, 105.0) == ([], [1], [])
    queue.done()
    assert _release(queue, 105.0).admitted == [2]


def test_only_so_many_are_under_way() -> None:
    queue = _queue(rate=1000, burst=100, under_way=2)
    asked = [queue.enter(number, 100.0, first=False) for number in range(4)]
    assert asked == [Admission.NOW, Admission.NOW, Admission.WAITS, Admission.WAITS]
    assert _release(queue, 101.0).admitted == []
    queue.done()
    assert _release(queue, 101.0).admitted == [2]


def test_who_is_gone_takes_no_turn() -> None:
    queue = _queue(burst=0)
    for number in range(4):
        queue.enter(number, 100.0, first=False)
    assert _release(queue, 100.11, frozenset({1, 2})) == ([3], [], [1, 2])


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
    queue = _queue(rate=20, burst=3, max_waiting=4, longest_wait_s=1.0, under_way=3)
    now, under_way, went = 100.0, 0, list[float]()
    waiting: dict[int, float] = {}
    gone: set[int] = set()
    for number, (passed, step, goes) in enumerate(steps):
        now += passed
        if step.startswith("enter"):
            admission = queue.enter(number, now, first=step == "enter first")
            if admission is Admission.WAITS:
                waiting[number] = now
                gone |= {number} if goes else set()
            elif admission is Admission.NOW:
                went.append(now)
                under_way += 1
        elif step == "leave" and under_way:
            queue.done()
            under_way -= 1
        departures = queue.release(now, gone.__contains__)
        for item in (*departures.admitted, *departures.refused, *departures.gone):
            assert now - waiting.pop(item) <= 1.0 + passed
        assert not gone & set(departures.admitted)
        went += [now] * len(departures.admitted)
        under_way += len(departures.admitted)
        assert under_way <= 3
        assert queue.waiting == len(waiting) <= 4
        assert (queue.next_release_in(now) is None) == (not waiting)
    for start in range(len(went)):
        for end in range(start, len(went)):
            assert end - start + 1 <= 3 + 1 + (went[end] - went[start]) * 20 + 1e-6
