"""How long lanes gather follows how long answers take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ws_gateway.amqp.batch_delay import BatchDelay


def _answers(batch_delay: BatchDelay, delay_s: float, times: int = 100, at: float = 0.0) -> float:
    for number in range(times):
        batch_delay.asked("c", number, at)
        batch_delay.answered("c", number, at + delay_s)
    return at + delay_s


def test_nothing_is_gathered_before_the_first_answer() -> None:
    batch_delay = BatchDelay()
    batch_delay.asked("c", 1, 0.0)
    assert batch_delay.pause_s(0.0) == 0.0


def test_a_third_of_the_usual_delay_is_gathered() -> None:
    batch_delay = BatchDelay()
    now = _answers(batch_delay, 0.06)
    assert batch_delay.pause_s(now) == pytest.approx(0.02, rel=0.01)
    now = _answers(batch_delay, 0.003)
    assert batch_delay.pause_s(now) == pytest.approx(0.001, rel=0.01)


def test_an_answer_that_never_comes_does_not_end_learning() -> None:
    batch_delay = BatchDelay()
    batch_delay.asked("c", 1, 0.0)
    batch_delay.asked("c", 2, 1.0)
    batch_delay.answered("c", 2, 1.5)
    assert batch_delay.pause_s(1.5) == 0.0
    now = _answers(batch_delay, 0.03, at=6.0)
    assert batch_delay.pause_s(now) == pytest.approx(0.01, rel=0.01)


def test_where_nothing_is_asked_for_any_more_nothing_is_gathered() -> None:
    batch_delay = BatchDelay()
    now = _answers(batch_delay, 0.06)
    assert batch_delay.pause_s(now + 0.9) > 0.0
    assert batch_delay.pause_s(now + 1.1) == 0.0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.floats(0, 1e6)), max_size=50))
def test_a_lane_never_gathers_for_more_than_30_ms(
    steps: list[tuple[bool, int, float]],
) -> None:
    batch_delay, now = BatchDelay(), 0.0
    for is_answer, seq, later in steps:
        now += later
        (batch_delay.answered if is_answer else batch_delay.asked)("c", seq, now)
        assert 0.0 <= batch_delay.pause_s(now) <= 0.03
