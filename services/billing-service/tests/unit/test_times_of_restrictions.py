"""Restrictions by time of day, weekday and date, worked by hand, by the clock on the wall."""

from datetime import UTC, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from billing_cases import (
    BERLIN,
    charged,
    cost_of,
    element,
    local,
    money,
    price,
    rows,
    session,
    tariff,
)

from billing_service.costs.domain.exact import Exact
from billing_service.costs.domain.session_cost import session_cost

SAO_PAULO = ZoneInfo("America/Sao_Paulo")


def amounts(start: str, end: str, zone: ZoneInfo, *elements: Any) -> list[tuple[str, Exact, Exact]]:
    facts = session(local(start, zone), local(end, zone), 10)
    return rows(session_cost(facts, tariff(*elements), zone))


def test_hours_that_wrap_around_midnight_hold_on_both_sides_of_it() -> None:
    night = element(price("ENERGY", 0.2), start_time="22:00", end_time="06:00")
    found = amounts(
        "2026-11-23 21:00", "2026-11-24 07:00", BERLIN, night, element(price("ENERGY", 0.4))
    )
    assert found == [
        ("ENERGY", 1, money("0.4")),
        ("ENERGY", 2, money("0.4")),
        ("ENERGY", 6, money("1.2")),
        ("ENERGY", 1, money("0.4")),
    ]


@pytest.mark.parametrize(
    ("limits", "hours"),
    [
        ({"start_time": "22:00"}, [2]),
        ({"end_time": "06:00"}, [6]),
        ({"start_time": "22:00", "end_time": "00:00"}, [2]),
        ({"start_time": "00:00", "end_time": "00:00"}, [3, 7]),
        ({"start_time": "08:00", "end_time": "08:00"}, [3, 7]),
        ({"end_time": "00:00"}, [3, 7]),
        ({"start_date": "2026-11-24"}, [7]),
        ({"end_date": "2026-11-24"}, [3]),
        ({"start_date": "2026-11-23", "end_date": "2026-11-24"}, [3]),
        ({"day_of_week": ["TUESDAY", "SUNDAY"]}, [7]),
    ],
)
def test_one_bound_is_enough(limits: dict[str, Any], hours: list[int]) -> None:
    # From Monday to Tuesday.
    found = amounts(
        "2026-11-23 21:00", "2026-11-24 07:00", BERLIN, element(price("TIME", 1), **limits)
    )
    assert [quantity / 60 for _, quantity, _ in found] == hours


def test_the_weekday_changes_at_local_midnight() -> None:
    weekend = element(price("TIME", 1), day_of_week=["SATURDAY", "SUNDAY"])
    found = amounts(
        "2026-11-22 22:30", "2026-11-23 02:00", BERLIN, weekend, element(price("TIME", 2))
    )
    assert found == [("TIME", 90, money("1.5")), ("TIME", 120, money("4"))]


def test_a_night_of_a_weekday_ends_at_midnight_and_is_that_days_early_morning_too() -> None:
    friday = element(price("TIME", 1), start_time="22:00", end_time="06:00", day_of_week=["FRIDAY"])
    # From Thursday evening to Saturday morning: Friday from midnight to 6, and from 22 to midnight.
    found = amounts("2026-11-26 20:00", "2026-11-28 08:00", BERLIN, friday)
    assert found == [("TIME", 360, 6), ("TIME", 120, 2)]


SMALL_HOURS = element(price("TIME", 10), start_time="02:00", end_time="03:00")


def test_the_hour_that_a_clock_skips_matches_nothing() -> None:
    found = amounts(
        "2026-03-29 00:00", "2026-03-30 00:00", BERLIN, SMALL_HOURS, element(price("TIME", 1))
    )
    # A day of 23 hours; none of them begins with 2.
    assert found == [("TIME", 23 * 60, 23)]


def test_the_hour_that_a_clock_repeats_matches_twice() -> None:
    found = amounts(
        "2026-10-25 00:00", "2026-10-26 00:00", BERLIN, SMALL_HOURS, element(price("TIME", 1))
    )
    # A day of 25 hours, two of them from 2 to 3.
    assert found == [("TIME", 120, 2), ("TIME", 120, 20), ("TIME", 21 * 60, 21)]


def test_a_time_of_day_within_the_change_counts_by_the_clock() -> None:
    half = element(price("TIME", 1), start_time="02:30", end_time="04:00")
    spring = amounts("2026-03-29 00:00", "2026-03-29 12:00", BERLIN, half)
    autumn = amounts("2026-10-25 00:00", "2026-10-25 12:00", BERLIN, half)
    # In spring from 3 to 4; in autumn from 2:30 to 3, then again from 2:30 to 4.
    assert [quantity for _, quantity, _ in spring] == [60]
    assert [quantity for _, quantity, _ in autumn] == [30, 90]


def test_a_midnight_that_a_clock_skips_still_changes_the_weekday() -> None:
    # In 2018 the clocks of São Paulo went from 23:59 on Saturday to 01:00 on Sunday.
    saturday = element(price("TIME", 1), day_of_week=["SATURDAY"])
    start = local("2018-11-03 23:00", SAO_PAULO)
    by = tariff(saturday, element(price("TIME", 2)))
    found = rows(session_cost(session(start, start + timedelta(hours=2), 10), by, SAO_PAULO))
    assert found == [("TIME", 60, 1), ("TIME", 60, 2)]


def test_the_same_session_costs_by_the_zone_of_its_place() -> None:
    facts = charged(local("2026-11-23 22:30").astimezone(UTC), 60, 10)
    by = tariff(
        element(price("ENERGY", 0.2), start_time="22:00", end_time="06:00"),
        element(price("ENERGY", 0.4)),
    )
    assert cost_of(facts, by, BERLIN) == ("2.00", "2.00")
    assert cost_of(facts, by, ZoneInfo("Europe/Lisbon")) == ("3.00", "3.00")


def test_the_first_element_that_matches_prices_each_dimension_by_itself() -> None:
    by = tariff(
        element(price("ENERGY", 0.2), end_time="12:00"),
        element(price("ENERGY", 0.4), price("TIME", 1)),
        element(price("TIME", 9), price("PARKING_TIME", 3)),
    )
    cost = session_cost(charged(local("2026-11-23 11:30"), 60, 10, 60), by, BERLIN)
    assert [(line.dimension, line.element, line.amount_excl_vat) for line in cost.lines] == [
        ("ENERGY", 0, 1),
        ("TIME", 1, Fraction(1, 2)),
        ("ENERGY", 1, 2),
        ("TIME", 1, Fraction(1, 2)),
        ("PARKING_TIME", 2, 3),
    ]
    assert [period.elements for period in cost.periods[:2]] == [
        (("ENERGY", 0), ("TIME", 1), ("PARKING_TIME", 2)),
        (("ENERGY", 1), ("TIME", 1), ("PARKING_TIME", 2)),
    ]


def test_a_dimension_without_a_match_costs_nothing() -> None:
    by = tariff(element(price("ENERGY", 0.2), start_date="2027-01-01"))
    assert cost_of(charged(local("2026-11-23 11:30"), 60, 10), by) == ("0.00", "0.00")


def test_a_flat_fee_is_charged_once_and_is_the_first_that_holds() -> None:
    fees = (
        element(price("FLAT", 2), start_time="22:00"),
        element(price("FLAT", 1), start_time="20:00"),
    )
    found = amounts("2026-11-23 19:00", "2026-11-23 23:30", BERLIN, *fees)
    assert found == [("FLAT", 1, 1)]
    assert cost_of(charged(local("2026-11-23 22:30"), 60, 10), tariff(*fees)) == ("2.00", "2.00")


def test_the_price_changes_at_the_moment_that_max_kwh_is_reached() -> None:
    by = tariff(
        element(price("ENERGY", 0.3), price("TIME", 1), max_kwh=10),
        element(price("ENERGY", 0.5), price("TIME", 3)),
    )
    cost = session_cost(charged(local("2026-11-23 10:00"), 60, 15), by, BERLIN)
    assert rows(cost) == [
        ("ENERGY", 10, 3),
        ("TIME", 40, Fraction(2, 3)),
        ("ENERGY", 5, Fraction(5, 2)),
        ("TIME", 20, 1),
        ("rounding", 1, Fraction(1, 300)),
    ]
    assert cost.periods[1].begins_at == local("2026-11-23 10:40")


def test_kwh_that_are_reached_with_the_last_energy_count_from_then_on() -> None:
    by = tariff(element(price("PARKING_TIME", 5), min_kwh=10))
    assert cost_of(charged(local("2026-11-23 10:00"), 60, 10, 60), by) == ("5.00", "5.00")
    assert cost_of(charged(local("2026-11-23 10:00"), 60, 9.999, 60), by) == ("0.00", "0.00")


def test_the_day_is_split_at_midnight_though_the_price_stays() -> None:
    found = amounts("2026-11-23 23:00", "2026-11-24 01:00", BERLIN, element(price("ENERGY", 1)))
    assert found == [("ENERGY", 5, 5), ("ENERGY", 5, 5)]
