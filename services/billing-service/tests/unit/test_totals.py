"""Limits, VAT and rounding, worked by hand."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

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
    totals,
)

from billing_service.costs.domain.cost import Adjustment, Cost
from billing_service.costs.domain.facts import ReservationFacts
from billing_service.costs.domain.reservation_cost import reservation_cost
from billing_service.costs.domain.session_cost import session_cost

NOON = local("2026-11-23 12:00")
MIXED = (price("FLAT", 0.5, 20), price("ENERGY", 0.25, 10))
CAPPED = tariff(element(*MIXED), max_price={"excl_vat": 10, "incl_vat": 11})


def vat(cost: Cost) -> list[tuple[str, str, str]]:
    return [(str(one.percent), str(one.amount_excl_vat), str(one.vat)) for one in cost.vat]


def test_a_maximum_holds_without_vat_and_with_it_each_by_itself() -> None:
    # 0.60 + 10.45 with VAT are more than 11 before 10 without it are exceeded.
    cost = session_cost(charged(NOON, 60, 38), CAPPED, BERLIN)
    assert totals(cost) == ("10.00", "11.00")
    last = cost.lines[-1]
    assert last.adjustment is Adjustment.MAX_PRICE
    assert (last.amount_excl_vat, last.amount_incl_vat) == (money("0"), money("-0.05"))


def test_a_maximum_with_mixed_vat() -> None:
    cost = session_cost(charged(NOON, 60, 40), CAPPED, BERLIN)
    assert totals(cost) == ("10.00", "11.00")
    assert rows(cost)[-1] == ("max_price", 1, money("-0.5"))
    assert vat(cost) == [("10", "10.00", "1.00"), ("20", "0.50", "0.10")]
    assert str(cost.vat_of_adjustments) == "-0.10"


def test_a_minimum_with_vat() -> None:
    by = tariff(element(price("FLAT", 0.4, 20)), min_price={"excl_vat": 0.5, "incl_vat": 0.55})
    cost = session_cost(charged(NOON, 60, 1), by, BERLIN)
    assert totals(cost) == ("0.50", "0.55")
    assert rows(cost) == [("FLAT", 1, money("0.4")), ("min_price", 1, money("0.1"))]


@pytest.mark.parametrize(
    ("kwh", "limits", "expected"),
    [
        (1, {"min_price": {"excl_vat": 0.5}}, ("0.50", "0.55")),
        (0, {"min_price": {"excl_vat": 0.5}}, ("0.50", "0.55")),
        (40, {"max_price": {"excl_vat": 5}}, ("5.00", "5.50")),
        (10, {"min_price": {"excl_vat": 0.5}, "max_price": {"excl_vat": 5}}, ("2.50", "2.75")),
    ],
)
def test_a_limit_without_vat_holds_with_vat_in_proportion(
    kwh: float, limits: dict[str, Any], expected: tuple[str, str]
) -> None:
    by = tariff(element(price("ENERGY", 0.25, 10)), **limits)
    assert cost_of(charged(NOON, 60, kwh), by) == expected


def test_a_maximum_without_vat_leaves_the_minimum_with_vat() -> None:
    by = tariff(
        element(price("ENERGY", 1, 10)),
        min_price={"excl_vat": 10, "incl_vat": 20},
        max_price={"excl_vat": 15},
    )
    cost = session_cost(charged(NOON, 60, 18), by, BERLIN)
    assert totals(cost) == ("15.00", "20.00")
    assert sum(line.amount_incl_vat for line in cost.lines) == 20


def test_where_no_vat_is_given_both_totals_are_equal() -> None:
    by = tariff(element(price("ENERGY", 0.333)), min_price={"excl_vat": 2})
    for kwh in (0, 1, 7.77):
        excl, incl = cost_of(charged(NOON, 60, kwh), by)
        assert excl == incl


def test_no_vat_is_not_the_same_as_none_percent() -> None:
    cost = session_cost(
        charged(NOON, 60, 10), tariff(element(price("ENERGY", 1, 0), price("FLAT", 1))), BERLIN
    )
    assert vat(cost) == [("0", "10.00", "0.00")]
    assert totals(cost) == ("11.00", "11.00")


@pytest.mark.parametrize(
    ("code", "amount", "kwh", "total"),
    [
        ("EUR", 0.25, 0.02, "0.01"),  # 0.005 goes up
        ("EUR", 0.25, 0.019, "0.00"),
        ("JPY", 30, 0.05, "2"),  # 1.5
        ("JPY", 30, 0.049, "1"),
        ("KWD", 0.05, 0.01, "0.001"),  # 0.0005
        ("CLF", 0.0001, 0.5, "0.0001"),
    ],
)
def test_totals_are_rounded_half_up_to_the_minor_unit(
    code: str, amount: float, kwh: float, total: str
) -> None:
    by = tariff(element(price("ENERGY", amount, step=0)), currency=code)
    assert cost_of(charged(NOON, 60, kwh), by) == (total, total)


def test_totals_are_rounded_once_from_what_is_exact() -> None:
    # 2.875 + 3.30 + 4.125 are 10.30; three amounts of VAT rounded by themselves would be 10.31.
    by = tariff(element(price("FLAT", 2.5, 15), price("ENERGY", 1, 20), price("TIME", 3.75, 10)))
    cost = session_cost(charged(NOON, 60, 2.75), by, BERLIN)
    assert totals(cost) == ("9.00", "10.30")
    assert vat(cost) == [("10", "3.75", "0.38"), ("15", "2.50", "0.38"), ("20", "2.75", "0.55")]
    assert str(cost.vat_of_adjustments) == "-0.01"


def test_rounding_is_a_line() -> None:
    by = tariff(element(price("TIME", 1, 19, step=0)))
    cost = session_cost(charged(NOON, 20, 1), by, BERLIN)
    assert totals(cost) == ("0.33", "0.40")
    last = cost.lines[-1]
    assert (last.adjustment, last.amount_excl_vat, last.amount_incl_vat) == (
        "rounding",
        money("0.33") - Fraction(1, 3),
        money("0.40") - Fraction("1.19") / 3,
    )
    assert (last.begins_at, last.ends_at) == (NOON, NOON + timedelta(minutes=20))


def test_the_step_of_time_goes_to_what_was_last_though_it_was_used_before() -> None:
    # Charging, parking, charging: 10 and 25 minutes of charging are rounded up to 45.
    def after(minutes: int) -> Any:
        return NOON + timedelta(minutes=minutes)

    by = tariff(element(price("TIME", 6, step=900), price("PARKING_TIME", 60, step=900)))
    facts = session(NOON, after(55), 9, [(after(10), 4), (after(30), 4)])
    cost = session_cost(facts, by, BERLIN)
    assert rows(cost) == [("TIME", 10, 1), ("PARKING_TIME", 20, 20), ("TIME", 35, Fraction(7, 2))]


def test_a_step_of_none_bills_what_was_used() -> None:
    by = tariff(element(price("ENERGY", 1, step=0), price("TIME", 60, step=0)))
    cost = session_cost(charged(NOON, 0.5, 0.0005), by, BERLIN)
    assert rows(cost)[:2] == [
        ("ENERGY", Fraction("0.0005"), money("0.0005")),
        ("TIME", Fraction(1, 2), money("0.5")),
    ]


RESERVED = element(price("FLAT", 1), price("TIME", 6, step=600), reservation="RESERVATION")


def test_a_reservation_and_its_session_share_limits_and_not_steps() -> None:
    by = tariff(RESERVED, element(price("TIME", 6, step=600)), max_price={"excl_vat": 5})
    used = ReservationFacts(NOON - timedelta(minutes=11), NOON)
    cost = session_cost(charged(NOON, 21, 5, reservation=used), by, BERLIN)
    assert rows(cost) == [
        ("FLAT", 1, 1),
        ("TIME", 20, 2),
        ("TIME", 30, 3),
        ("max_price", 1, -1),
    ]
    assert [line.of_reservation for line in cost.lines] == [True, True, False, False]


def test_a_reservation_that_is_cancelled_has_no_expiry_fee_and_no_minimum() -> None:
    by = tariff(
        RESERVED,
        element(price("FLAT", 9), reservation="RESERVATION_EXPIRES"),
        element(price("FLAT", 4)),
        min_price={"excl_vat": 50},
    )
    facts = ReservationFacts(NOON, NOON + timedelta(minutes=30))
    assert totals(reservation_cost(facts, by, BERLIN)) == ("4.00", "4.00")


def test_what_is_of_expired_reservations_comes_first_wherever_it_stands() -> None:
    by = tariff(RESERVED, element(price("TIME", 12, step=1), reservation="RESERVATION_EXPIRES"))
    facts = ReservationFacts(NOON, NOON + timedelta(minutes=30), expired=True)
    assert rows(reservation_cost(facts, by, BERLIN)) == [("FLAT", 1, 1), ("TIME", 30, 6)]


def test_a_session_has_no_part_in_the_prices_of_reservations() -> None:
    assert cost_of(charged(NOON, 60, 5), tariff(RESERVED)) == ("0.00", "0.00")


def test_a_reservation_is_priced_by_the_hour_of_day_too() -> None:
    by = tariff(
        element(price("TIME", 1), reservation="RESERVATION", end_time="12:00"),
        element(price("TIME", 4), reservation="RESERVATION"),
    )
    facts = ReservationFacts(NOON - timedelta(minutes=30), NOON + timedelta(minutes=30))
    assert rows(reservation_cost(facts, by, BERLIN)) == [
        ("TIME", 30, money("0.5")),
        ("TIME", 30, 2),
    ]
