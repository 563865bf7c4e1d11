"""The checker of I10 finds what it is there to find."""

from hypothesis import given
from hypothesis import strategies as st

from tests.faults.fairness_invariant import FEWEST, KINDS, RATIO, unfair

TOOK = st.lists(st.floats(0.001, 10.0), min_size=FEWEST, max_size=2 * FEWEST)


def alike(took: list[float]) -> dict[str, list[float]]:
    return dict.fromkeys(KINDS, took)


@given(TOOK)
def test_the_same_times_in_any_order_are_fair(took: list[float]) -> None:
    assert unfair(alike(took), alike(took[::-1])) == []


@given(TOOK, st.sampled_from(KINDS))
def test_a_kind_that_takes_longer_than_the_ratio_allows_is_found(
    took: list[float], kind: str
) -> None:
    slower = [2 * RATIO * seconds for seconds in took]
    [violation] = unfair(alike(took), {**alike(took), kind: slower})
    assert violation.invariant == "I10"
    assert violation.text.startswith(f"{kind}: p99")


def test_one_slow_answer_in_a_hundred_is_no_p99() -> None:
    took = [0.01] * (2 * FEWEST)
    assert unfair(alike(took), alike([*took[1:], 5.0])) == []


def test_too_few_answers_are_no_proof() -> None:
    took = [0.01] * FEWEST
    found = unfair(alike(took), {**alike(took), "events": took[1:]})
    assert [violation.text for violation in found] == ["events: 100 without, 99 beside it"]
