"""Which readings count, when energy flowed, and what was parking."""

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from billing_cases import BERLIN, METER, cost_of, element, local, price, rows, session, tariff

from billing_service.costs.domain.cost import Kind
from billing_service.costs.domain.exact import Exact
from billing_service.costs.domain.facts import (
    REVIEWED_FLAGS,
    Reading,
    ReservationFacts,
    SessionFacts,
)
from billing_service.costs.domain.session_cost import session_cost

NOON = local("2026-11-23 12:00")
BY_USE = tariff(element(price("TIME", 1, step=0), price("PARKING_TIME", 10, step=0)))
BY_HOUR_OF_DAY = tariff(
    element(price("ENERGY", 1, step=0), end_time="13:00"), element(price("ENERGY", 10, step=0))
)


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def uses(facts: SessionFacts) -> list[tuple[Kind, Exact]]:
    """Return what a session was, with its minutes."""
    return [(one.kind, one.hours * 60) for one in session_cost(facts, BY_USE, BERLIN).periods]


def before_13(*readings: tuple[float, float], kwh: float = 12, minutes: float = 120) -> Fraction:
    """Return the kWh before 13:00 of a session from 12:00, with readings by minutes and kWh."""
    facts = session(NOON, after(minutes), kwh, [(after(at), energy) for at, energy in readings])
    lines = session_cost(facts, BY_HOUR_OF_DAY, BERLIN).lines
    return sum((line.quantity for line in lines if line.element == 0), Fraction(0))


def test_without_readings_energy_is_spread_over_the_session() -> None:
    assert before_13(kwh=12) == 6
    assert uses(session(NOON, after(60), 12)) == [(Kind.CHARGING, 60)]


def test_energy_between_two_readings_is_spread_over_their_time() -> None:
    assert before_13((40, 2), (80, 10)) == 6
    assert before_13((30, 9), (90, 12)) == 9 + Fraction(3, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        (-1, 3),  # before the start
        (121, 11),  # after the stop
        (45, -1),  # below the register at the start
        (45, 12.001),  # above that at the stop
        (50, 8.9),  # fallen
        (0, 5),  # at the start, where meter_start counts
        (120, 5),  # at the stop, where meter_stop counts
    ],
)
def test_a_reading_that_cannot_be_right_changes_nothing(wrong: tuple[float, float]) -> None:
    right = ((30, 9), (90, 12))
    assert before_13(*right, wrong) == before_13(*right)


def test_of_readings_at_one_instant_the_highest_counts() -> None:
    assert before_13((60, 3), (60, 5), (60, 4)) == 5


def test_readings_that_follow_one_that_is_too_high_are_no_parking() -> None:
    facts = session(NOON, after(60), 12, [(after(10), 11), (after(20), 4), (after(40), 8)])
    assert uses(facts) == [(Kind.CHARGING, 60)]


def test_without_a_stop_of_the_register_the_highest_reading_is_paid() -> None:
    facts = SessionFacts(
        NOON,
        after(60),
        METER,
        None,
        (Reading(after(30), METER + 5000), Reading(after(60), METER + 8000)),
    )
    assert cost_of(facts, tariff(element(price("ENERGY", 1)))) == ("8.00", "8.00")


def test_a_stop_below_the_start_is_reviewed_and_the_highest_reading_is_paid() -> None:
    facts = SessionFacts(NOON, after(60), METER, 17, (Reading(after(30), METER + 5000),))
    cost = session_cost(facts, tariff(element(price("ENERGY", 1))), BERLIN)
    assert (str(cost.total_excl_vat), cost.review) == ("5.00", ("negative_energy",))


def test_an_interval_without_a_rise_is_parking() -> None:
    facts = session(NOON, after(90), 12, [(after(30), 5), (after(50), 5), (after(70), 12)])
    assert uses(facts) == [
        (Kind.CHARGING, 30),
        (Kind.PARKING, 20),
        (Kind.CHARGING, 20),
        (Kind.PARKING, 20),
    ]
    assert cost_of(facts, BY_USE) == ("7.50", "7.50")


def test_a_session_without_energy_is_parking() -> None:
    assert uses(session(NOON, after(90))) == [(Kind.PARKING, 90)]


def test_what_the_station_holds_back_is_no_parking() -> None:
    facts = session(
        NOON,
        after(90),
        5,
        [(after(30), 5)],
        statuses=[(after(40), "SuspendedEVSE"), (after(60), "SuspendedEV")],
    )
    assert uses(facts) == [
        (Kind.CHARGING, 30),
        (Kind.PARKING, 10),
        (Kind.CHARGING, 20),
        (Kind.PARKING, 30),
    ]


@pytest.mark.parametrize(
    ("statuses", "parked"),
    [
        ([(-5, "SuspendedEVSE")], 0),
        ([(-5, "SuspendedEVSE"), (0, "Charging")], 60),
        ([(-5, "Charging"), (0, "SuspendedEVSE")], 0),
        ([(61, "SuspendedEVSE")], 60),
        ([(10, "SuspendedEVSE"), (10, "SuspendedEV")], 10),
        ([(10, "SuspendedEV"), (10, "SuspendedEVSE")], 10),
    ],
)
def test_a_status_holds_until_the_next_one(statuses: list[tuple[int, str]], parked: int) -> None:
    facts = session(NOON, after(60), statuses=[(after(at), status) for at, status in statuses])
    assert sum(minutes for kind, minutes in uses(facts) if kind is Kind.PARKING) == parked


def test_energy_that_flows_is_charging_whatever_the_status_says() -> None:
    facts = session(NOON, after(60), 5, statuses=[(NOON, "SuspendedEV")])
    assert uses(facts) == [(Kind.CHARGING, 60)]


def test_current_holds_until_the_next_sample_and_the_first_before_it() -> None:
    by = tariff(
        element(price("TIME", 1), max_current=16),
        element(price("TIME", 5), min_current=16, max_current=32),
        element(price("TIME", 20), min_current=32),
    )
    facts = session(
        NOON, after(60), 5, currents=[(after(20), 15), (after(30), 16), (after(40), 32)]
    )
    assert [quantity for _, quantity, _ in rows(session_cost(facts, by, BERLIN))][:3] == [
        30,
        10,
        20,
    ]


def test_where_current_is_not_known_nothing_that_asks_for_it_matches() -> None:
    by = tariff(element(price("TIME", 1), max_current=16), element(price("TIME", 2)))
    cost = session_cost(session(NOON, after(60), 5), by, BERLIN)
    assert (str(cost.total_excl_vat), cost.review) == ("2.00", ("current_unknown",))


def test_while_nothing_flows_power_and_current_are_none() -> None:
    by = tariff(element(price("PARKING_TIME", 1), max_current=16, max_power=1))
    cost = session_cost(session(NOON, after(60)), by, BERLIN)
    assert (str(cost.total_excl_vat), cost.review) == ("1.00", ())


@pytest.mark.parametrize("flag", sorted(REVIEWED_FLAGS))
def test_a_flag_of_times_or_energy_marks_for_review(flag: str) -> None:
    facts = session(NOON, after(60), 5, flags=frozenset((flag, "foreign_stop_token")))
    assert session_cost(facts, BY_USE, BERLIN).review == (flag,)


def test_a_stop_before_the_start_costs_its_energy_and_fee_at_the_start() -> None:
    by = tariff(
        element(
            price("FLAT", 1), price("ENERGY", 1), price("TIME", 100), end_time="12:30", max_kwh=3
        ),
        element(price("ENERGY", 2)),
    )
    cost = session_cost(session(NOON, after(-5), 5), by, BERLIN)
    assert [(name, quantity) for name, quantity, _ in rows(cost)] == [
        ("FLAT", 1),
        ("ENERGY", 3),
        ("ENERGY", 2),
    ]
    assert (str(cost.total_excl_vat), cost.review) == ("8.00", ("stop_before_start",))


def test_energy_in_no_time_has_no_power() -> None:
    by = tariff(element(price("ENERGY", 1), min_power=0), element(price("ENERGY", 2)))
    cost = session_cost(session(NOON, NOON, 5), by, BERLIN)
    assert (str(cost.total_excl_vat), cost.review) == ("10.00", ("power_unknown",))


def test_a_session_of_an_instant_without_energy_costs_its_fee() -> None:
    by = tariff(element(price("FLAT", 1), price("ENERGY", 1), price("PARKING_TIME", 1)))
    assert cost_of(session(NOON, NOON), by) == ("1.00", "1.00")


@pytest.mark.parametrize("year", [1900, 2101, 9999])
def test_what_cannot_have_happened_has_no_cost(year: int) -> None:
    with pytest.raises(ValueError, match="nothing can have happened"):
        session(NOON, NOON.replace(year=year))


def test_a_session_has_no_reservation_that_expired() -> None:
    reservation: Any = ReservationFacts(after(-60), NOON, expired=True)
    with pytest.raises(ValueError, match="has not expired"):
        session(NOON, after(60), reservation=reservation)
