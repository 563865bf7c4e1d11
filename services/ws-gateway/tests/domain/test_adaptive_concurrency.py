"""The bound on claims under way, against registries of any speed."""

from collections import deque

import pytest

from ws_gateway.domain.adaptive_concurrency import AdaptiveConcurrency


def _concurrency() -> AdaptiveConcurrency:
    return AdaptiveConcurrency(at_least=20, at_most=250, target_s=1.0)


def test_a_quick_registry_leaves_the_bound_at_its_most() -> None:
    concurrency = _concurrency()
    for number in range(1000):
        concurrency.answered(0.1, number / 1000)
    assert concurrency.bound == 250


def test_one_slow_moment_shrinks_the_bound_once_and_silence_not_below_the_least() -> None:
    concurrency = _concurrency()
    for _ in range(250):
        concurrency.answered(2.0, 100.0)
    assert concurrency.bound == 175
    for number in range(100):
        concurrency.answered(8.0, 200.0 + 10 * number)
    assert concurrency.bound == 20


@pytest.mark.parametrize("gateways", [1, 4, 16])
def test_a_registry_is_kept_busy_and_answers_within_two_seconds(gateways: int) -> None:
    # One queue for all gateways; each of them always has stations that want to connect.
    per_s, step_s = 600, 0.01
    limits = [_concurrency() for _ in range(gateways)]
    under_way = [0] * gateways
    queue: deque[tuple[int, float]] = deque()
    answered, took = 0, list[float]()
    for tick in range(6000):
        now = tick * step_s
        for number, concurrency in enumerate(limits):
            while under_way[number] < concurrency.bound:
                under_way[number] += 1
                queue.append((number, now))
        for _ in range(int(per_s * step_s)):
            if not queue:
                break
            number, asked = queue.popleft()
            under_way[number] -= 1
            limits[number].answered(now - asked, now)
            if now > 20:
                answered += 1
                took.append(now - asked)
    assert answered > 0.95 * per_s * 40
    assert sorted(took)[len(took) * 99 // 100] < 2.0
