import pytest

from bench.blackout import STATIONS, BackOff, Scenario, Site, simulate

AT_ONCE = Scenario("all at once", spread_s=0.25)
WITHIN_A_MINUTE = Scenario("within a minute", spread_s=60.0)
STUBBORN = (BackOff(share=1.0, first_wait_s=10, doublings=0, random_s=2),)


def test_the_kinds_of_station_are_all_stations() -> None:
    assert sum(kind.share for kind in STATIONS) == pytest.approx(1.0)


def test_what_fits_the_wait_is_in_at_the_first_attempt() -> None:
    storm = simulate(5000, Site(gateways=2, answered_per_s=1000), AT_ONCE)
    assert storm.refused == 0
    assert storm.attempts == pytest.approx(5000)
    assert storm.seconds_until(1.0) == pytest.approx(5.0, abs=0.5)


def test_slow_arrivals_never_wait_long() -> None:
    storm = simulate(10_000, Site(gateways=2, answered_per_s=500), WITHIN_A_MINUTE)
    assert storm.refused == 0
    assert storm.seconds_until(1.0) == pytest.approx(60, abs=1)


def test_nobody_is_lost_and_the_pace_is_kept() -> None:
    storm = simulate(100_000, Site(gateways=11, answered_per_s=1000), AT_ONCE)
    assert storm.connected[-1] == pytest.approx(100_000)
    assert storm.attempts == pytest.approx(100_000 + storm.refused)
    steps = zip(storm.connected, storm.connected[1:], strict=False)
    assert max(after - before for before, after in steps) <= 1000 * 0.25 + 1e-6
    assert storm.seconds_until(1.0) >= 100


def test_the_queue_is_bounded_by_its_places_and_by_the_wait() -> None:
    narrow = simulate(50_000, Site(gateways=1, answered_per_s=1e6), AT_ONCE, STUBBORN)
    assert narrow.most_waiting <= 5000
    slow = simulate(50_000, Site(gateways=20, answered_per_s=100), AT_ONCE, STUBBORN)
    assert slow.refused > 40_000
    assert slow.seconds_until(0.01) < 10


def test_one_gateway_more_never_makes_it_slower() -> None:
    def took(gateways: int) -> float:
        site = Site(gateways, answered_per_s=5000)
        return simulate(100_000, site, AT_ONCE).seconds_until(1.0)

    assert took(2) >= took(3) >= took(6)


def test_doubled_waits_stop_growing() -> None:
    kind = BackOff(share=1.0, first_wait_s=10, doublings=3, random_s=5)
    assert [kind.wait(attempt)[0] for attempt in range(6)] == [10, 20, 40, 80, 80, 80]
    assert kind.wait(1) == (20, 25)


def test_a_site_that_answers_nobody_ends_the_simulation_after_an_hour() -> None:
    storm = simulate(100, Site(gateways=1, answered_per_s=0), AT_ONCE, STUBBORN)
    assert storm.connected[-1] == 0
    assert storm.seconds_until(1.0) == float("inf")
