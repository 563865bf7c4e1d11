import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from csms_simulator.demo.day import PlannedSession, Rhythm, busyness, sessions

LISBON = ZoneInfo("Europe/Lisbon")
UTRECHT = ZoneInfo("Europe/Amsterdam")
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
MONTH = timedelta(days=28)


def planned(
    connector: str,
    rhythm: Rhythm = Rhythm.CITY,
    *,
    zone: ZoneInfo = UTRECHT,
    fast: bool = True,
    days: timedelta = MONTH,
) -> list[PlannedSession]:
    return list(sessions(connector, rhythm, zone, fast, BEGIN, BEGIN + days))


def test_the_past_of_a_connector_is_the_same_whenever_it_is_asked_for() -> None:
    assert planned("S/1") == planned("S/1")
    assert planned("S/1") != planned("S/2")


def test_asking_for_less_tells_the_same_of_it() -> None:
    longer = planned("S/1")
    shorter = planned("S/1", days=timedelta(days=5))
    assert shorter
    assert longer[: len(shorter)] == shorter


@pytest.mark.parametrize("rhythm", list(Rhythm))
@pytest.mark.parametrize("fast", [True, False])
def test_one_car_after_the_other_uses_a_connector(rhythm: Rhythm, fast: bool) -> None:
    told = planned("S/1", rhythm, fast=fast)
    assert told[0].starts_at >= BEGIN
    assert told[-1].starts_at < BEGIN + MONTH
    for earlier, later in itertools.pairwise(told):
        assert later.starts_at > earlier.ends_at


def test_offices_are_busy_in_the_morning_of_their_own_clock_and_closed_at_night() -> None:
    told = [
        session.starts_at.astimezone(UTRECHT)
        for n in range(20)
        for session in planned(f"S/{n}", Rhythm.OFFICE, fast=False)
    ]
    hours = Counter(start.hour for start in told)
    assert not any(hours[hour] for hour in (0, 1, 2, 3, 21, 22, 23))
    assert hours[8] > 3 * hours[17] > 0
    by_day = Counter(start.weekday() for start in told)
    assert max(by_day[5], by_day[6]) < by_day[1] / 2


def test_flats_are_busy_when_offices_are_not() -> None:
    starts = [
        session.starts_at.astimezone(LISBON).hour
        for n in range(20)
        for session in planned(f"S/{n}", Rhythm.OVERNIGHT, zone=LISBON, fast=False)
    ]
    hours = Counter(starts)
    assert hours[19] > 2 * hours[9]


def test_busyness_follows_the_hour_without_steps() -> None:
    monday = datetime(2026, 3, 2, 8, 59, tzinfo=UTRECHT)
    before, at = (busyness(Rhythm.CITY, monday + timedelta(minutes=n)) for n in (0, 1))
    assert before == pytest.approx(at, abs=0.02)
    every = [
        busyness(rhythm, datetime(2026, 3, day, hour, minute, tzinfo=UTRECHT))
        for rhythm in Rhythm
        for day in (2, 7)
        for hour in range(24)
        for minute in (0, 30, 59)
    ]
    assert min(every) == 0
    assert max(every) <= 1


def test_a_weekend_is_quiet_at_offices_and_not_in_the_city() -> None:
    monday, saturday = datetime(2026, 3, 2, 9, tzinfo=UTRECHT), datetime(2026, 3, 7, 9, tzinfo=UTC)
    assert busyness(Rhythm.OFFICE, saturday) < busyness(Rhythm.OFFICE, monday) / 2
    assert busyness(Rhythm.CITY, saturday) == busyness(Rhythm.CITY, monday)
