"""How far a rollout goes next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_shared.contracts.requests import Problem
from csms_shared.contracts.rollouts import RolloutStatus
from station_registry.jobs.domain.rollouts import (
    RolloutCounts,
    RolloutStep,
    fair_shares,
    next_step,
    steered,
)

RUNNING = RolloutStatus.RUNNING


@pytest.mark.parametrize(
    ("counts", "stop_after", "forgiven", "step"),
    [
        (RolloutCounts(10, 0, 0), 1, 0, RolloutStep(3, RUNNING)),
        (RolloutCounts(10, 2, 0), 1, 0, RolloutStep(1, RUNNING)),
        (RolloutCounts(10, 5, 0), 1, 0, RolloutStep(0, RUNNING)),
        (RolloutCounts(2, 0, 0), 1, 0, RolloutStep(2, RUNNING)),
        (RolloutCounts(2, 1, 1), 1, 0, RolloutStep(0, RolloutStatus.STOPPED)),
        (RolloutCounts(2, 0, 1), 1, 1, RolloutStep(2, RUNNING)),
        (RolloutCounts(2, 0, 9), None, 0, RolloutStep(2, RUNNING)),
        (RolloutCounts(0, 1, 9), 1, 0, RolloutStep(0, RUNNING)),
        (RolloutCounts(0, 0, 9), 1, 0, RolloutStep(0, RolloutStatus.COMPLETED)),
    ],
)
def test_a_rollout_starts_as_many_as_it_may_and_stops_on_failures(
    counts: RolloutCounts, stop_after: int | None, forgiven: int, step: RolloutStep
) -> None:
    assert next_step(counts, 3, stop_after, forgiven) == step


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(1, 20))
def test_there_are_never_more_at_once_than_allowed(
    waiting: int, started: int, failed: int, concurrency: int
) -> None:
    step = next_step(RolloutCounts(waiting, started, failed), concurrency, 5, 0)
    assert 0 <= step.start <= waiting
    assert started + step.start <= max(started, concurrency)


@given(st.lists(st.integers(0, 300), max_size=20), st.integers(0, 1000))
def test_shares_are_all_that_is_there_and_nobody_has_less_than_another_unless_content(
    wanted: list[int], most: int
) -> None:
    shares = fair_shares(wanted, most)
    assert all(0 <= share <= wish for share, wish in zip(shares, wanted, strict=True))
    assert sum(shares) == min(sum(wanted), most)
    largest = max(shares, default=0)
    for share, wish in zip(shares, wanted, strict=True):
        assert share == wish or share >= largest - 1


@pytest.mark.parametrize(
    ("status", "wish", "becomes"),
    [
        ("running", "pause", "paused"),
        ("paused", "resume", "running"),
        ("stopped", "resume", "running"),
        ("running", "cancel", "cancelled"),
        ("paused", "cancel", "cancelled"),
        ("stopped", "cancel", "cancelled"),
        ("running", "resume", None),
        ("stopped", "pause", None),
        ("completed", "resume", None),
        ("cancelled", "resume", None),
        ("completed", "cancel", None),
    ],
)
def test_a_rollout_is_steered_only_where_it_can_be(
    status: str, wish: str, becomes: str | None
) -> None:
    result = steered(RolloutStatus(status), wish)
    if becomes is None:
        assert isinstance(result, Problem)
        assert result.status == 409
    else:
        assert result == becomes
