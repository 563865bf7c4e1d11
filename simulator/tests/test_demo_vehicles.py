import random

import pytest

from csms_simulator.demo.vehicles import Vehicle, arriving

FAST = Vehicle(60_000, 100_000, arrives_with=0.2, leaves_with=0.8, tapers=True)
SLOW = Vehicle(60_000, 11_000, arrives_with=0.2, leaves_with=0.9, tapers=False)
LONG = 3600.0


def test_power_rises_after_plugging_in() -> None:
    powers = [FAST.power_w(0, seconds) for seconds in (0, 10, 20, 45, 300)]
    assert powers == sorted(powers)
    assert 0 < powers[0] < powers[-1] / 10
    assert powers[-2] == powers[-1] == 100_000


def test_direct_current_tapers_long_before_the_battery_is_full() -> None:
    powers = [FAST.power_w(charged, LONG) for charged in range(0, 48_001, 3_000)]
    assert powers == sorted(powers, reverse=True)
    assert FAST.power_w(0.30 * 60_000, LONG) == 100_000
    assert FAST.power_w(0.55 * 60_000, LONG) < 60_000
    assert FAST.power_w(60_000, LONG) > 0


def test_an_on_board_charger_gives_all_that_it_has_almost_to_the_end() -> None:
    assert SLOW.power_w(0.7 * 60_000, LONG) == 11_000
    assert SLOW.power_w(0.79 * 60_000, LONG) < 11_000


def test_a_car_is_done_with_what_it_came_for_and_never_more_than_full() -> None:
    assert not FAST.is_done(0.5 * 60_000)
    assert FAST.is_done(0.6 * 60_000 + 1)
    assert FAST.fullness(10 * 60_000) == 1


@pytest.mark.parametrize("fast", [True, False])
def test_every_car_comes_for_something(fast: bool) -> None:
    chance = random.Random(1)
    for _ in range(500):
        car = arriving(chance, fast)
        assert 0 < car.arrives_with < car.leaves_with <= 1
        assert not car.is_done(0)
