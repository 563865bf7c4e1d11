"""Costs of sessions of years and of tariffs with everything, and the one that is refused."""

from datetime import timedelta
from fractions import Fraction

import pytest
from billing_cases import BERLIN, charged, cost_of, element, local, money, price, session, tariff

from billing_service.costs.domain.exact import exact_sum, half_up
from billing_service.costs.domain.pieces import MAX_PIECES, TooManyPieces
from billing_service.costs.domain.session_cost import session_cost
from billing_service.tariffs.domain.tariff import DayOfWeek

START = local("2020-01-01 00:00")


def test_a_session_of_years_is_paid_to_the_last_hour() -> None:
    by = tariff(
        element(price("TIME", 1, step=0), start_time="08:00", end_time="20:00"),
        element(price("TIME", 2, step=0)),
    )
    # Ten years of which each day has twelve hours at each price, but for the hours of the nights
    # that the clocks skip in ten springs and repeat in ten autumns.
    days = (local("2030-01-01 00:00") - START).days
    facts = session(START, local("2030-01-01 00:00"), 5)
    cost = session_cost(facts, by, BERLIN)
    assert cost.total_excl_vat == days * (12 + 24)
    assert len(cost.periods) == days * 3


def test_a_tariff_of_100_elements_prices_each_hour_of_the_week() -> None:
    hours = [
        element(
            price("ENERGY", (day * 24 + hour) / 100, step=0),
            start_time=f"{hour:02}:00",
            end_time=f"{(hour + 1) % 24:02}:00",
            day_of_week=[name],
        )
        for day, name in enumerate(list(DayOfWeek)[:4])
        for hour in range(24)
    ]
    by = tariff(
        *hours,
        *[element(price("ENERGY", 1, step=0), min_power=power) for power in (1, 2, 3)],
        element(price("ENERGY", 5, step=0)),
    )
    # Four weeks at 0.5 kW: 96 hours of each of them, then three days at the last price.
    week = sum(range(96)) * Fraction("0.005") + 72 * Fraction("2.5")
    start = local("2026-11-02 00:00")
    cost = session_cost(session(start, start + timedelta(weeks=4), 336), by, BERLIN)
    assert cost.total_excl_vat == 4 * week


def test_a_session_with_more_pieces_than_the_bound_is_refused() -> None:
    hours = [
        element(price("TIME", 1 + hour), start_time=f"{hour:02}:00", end_time=f"{hour:02}:30")
        for hour in range(24)
    ]
    by = tariff(*hours, element(price("TIME", 99)))
    days = MAX_PIECES // 48
    assert session_cost(session(START, START + timedelta(days=days - 2), 5), by, BERLIN).lines
    facts = session(START, START + timedelta(days=days + 2), 5)
    with pytest.raises(TooManyPieces, match="more than 50000 pieces"):
        session_cost(facts, by, BERLIN)


def test_the_longest_session_that_can_be_is_refused_or_paid() -> None:
    start, end = local("1970-01-01 01:00"), local("2099-12-31 00:00")
    facts = session(start, end, 5)
    by_hour = tariff(element(price("ENERGY", 1)))
    assert cost_of(facts, by_hour) == ("5.00", "5.00")
    with pytest.raises(TooManyPieces):
        session_cost(facts, tariff(element(price("ENERGY", 1), start_time="12:00")), BERLIN)


def test_the_greatest_amounts_are_exact() -> None:
    by = tariff(element(price("ENERGY", 999_999_999.9999, 100)))
    cost = session_cost(charged(START, 60, Fraction(2**63, 1000)), by, BERLIN)
    amount = Fraction(2**63, 1000) * money("999999999.9999")
    assert Fraction(cost.total_excl_vat) == Fraction(half_up(amount, 2))
    assert Fraction(cost.total_incl_vat) == Fraction(half_up(amount * 2, 2))


def test_readings_at_odd_instants_make_exact_sums_that_can_be_had() -> None:
    # Each interval has a length of its own, so that each boundary has a denominator of its own.
    odd = [
        (START + timedelta(milliseconds=997 * 3600 * number + number**2), number)
        for number in range(1, 5000)
    ]
    by = tariff(
        *[
            element(
                price("ENERGY", hour / 100, step=0),
                start_time=f"{hour:02}:00",
                end_time=f"{hour + 1:02}:00",
            )
            for hour in range(23)
        ]
    )
    cost = session_cost(session(START, START + timedelta(days=250), 5000, odd), by, BERLIN)
    exact = exact_sum(line.amount_excl_vat for line in cost.lines)
    assert exact == Fraction(cost.total_excl_vat)


def test_an_exact_sum_is_the_sum() -> None:
    numbers = [Fraction(1, number) for number in range(1, 50)]
    assert exact_sum(numbers) == sum(numbers)
    assert exact_sum([]) == 0
    assert exact_sum([3, Fraction(1, 2)]) == Fraction(7, 2)


@pytest.mark.parametrize(
    ("number", "digits", "rounded"),
    [
        (Fraction("0.005"), 2, "0.01"),
        (Fraction("0.00499999999999999999999999999999999"), 2, "0.00"),
        (Fraction("2.5"), 0, "3"),
        (7, 3, "7.000"),
    ],
)
def test_the_middle_is_rounded_up(number: Fraction, digits: int, rounded: str) -> None:
    assert str(half_up(number, digits)) == rounded
