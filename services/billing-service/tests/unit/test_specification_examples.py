"""The examples of OCPI 2.2.1, mod_tariffs and mod_cdrs, each with the figures that stand there."""

from datetime import UTC, datetime
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

from billing_service.costs.domain.facts import ReservationFacts, SessionFacts
from billing_service.costs.domain.reservation_cost import reservation_cost
from billing_service.costs.domain.session_cost import session_cost
from billing_service.tariffs.domain.tariff import Tariff

MORNING = local("2026-11-23 09:30")
ENERGY = price("ENERGY", 0.25, 10)
START_FEE = price("FLAT", 0.5, 20)
BY_KWH = tariff(element(ENERGY))
BY_KWH_AND_START = tariff(element(START_FEE, ENERGY))
AT_LEAST = tariff(element(ENERGY), min_price={"excl_vat": 0.5, "incl_vat": 0.55})
AT_MOST = tariff(element(START_FEE, ENERGY), max_price={"excl_vat": 10.0, "incl_vat": 11.0})
PARKING_BY_15_MIN = tariff(element(START_FEE, ENERGY, price("PARKING_TIME", 2.0, 20, 900)))
BY_HOUR = tariff(element(price("TIME", 2.0, 10, 60)))
BY_HOUR_AND_PARKING = tariff(
    element(price("TIME", 3.0, 10, 60), price("PARKING_TIME", 5.0, 20, 300))
)
AD_HOC = tariff(element(price("TIME", 1.9, 5.2, 300)), type="AD_HOC_PAYMENT")
BY_100_WH = tariff(element(START_FEE, price("ENERGY", 0.25, 10, 100)))


@pytest.mark.parametrize(
    ("by", "facts", "expected"),
    [
        (BY_KWH, charged(MORNING, 60, 20), ("5.00", "5.50")),
        (BY_KWH_AND_START, charged(MORNING, 60, 20), ("5.50", "6.10")),
        (AT_LEAST, charged(MORNING, 60, 20), ("5.00", "5.50")),
        (AT_LEAST, charged(MORNING, 60, 1.9), ("0.50", "0.55")),
        (PARKING_BY_15_MIN, charged(MORNING, 60, 20, 40), ("7.00", "7.90")),
        (AT_MOST, charged(MORNING, 60, 50), ("10.00", "11.00")),
        (AT_MOST, charged(MORNING, 60, 30), ("8.00", "8.85")),
        (BY_HOUR, charged(MORNING, 150, 20), ("5.00", "5.50")),
        (BY_HOUR, charged(MORNING, 150, 20, 90), ("5.00", "5.50")),
        (BY_HOUR_AND_PARKING, charged(MORNING, 150, 20, 42), ("11.25", "12.75")),
        (AD_HOC, charged(MORNING, 150, 20), ("4.75", "5.00")),
        (BY_100_WH, charged(MORNING, 60, 20.45), ("5.63", "6.24")),
        (tariff(element(price("FLAT", 0, step=0))), charged(MORNING, 60, 20), ("0.00", "0.00")),
    ],
)
def test_a_simple_tariff_costs_what_the_specification_says(
    by: Tariff, facts: SessionFacts, expected: tuple[str, str]
) -> None:
    assert cost_of(facts, by) == expected


def test_the_example_of_a_cdr_costs_two_hours() -> None:
    by = tariff(element(price("TIME", 2.0, 10, 300)))
    facts = session(
        datetime(2015, 6, 29, 21, 39, 9, tzinfo=UTC),
        datetime(2015, 6, 29, 23, 37, 32, tzinfo=UTC),
        15.342,
    )
    assert cost_of(facts, by) == ("4.00", "4.40")


WORKDAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]
COMPLEX = tariff(
    element(price("FLAT", 2.5, 15)),
    element(price("TIME", 1.0, 20, 900), max_current=32),
    element(price("TIME", 2.0, 20, 600), min_current=32, day_of_week=WORKDAYS),
    element(price("TIME", 1.25, 20, 600), min_current=32, day_of_week=["SATURDAY", "SUNDAY"]),
    element(
        price("PARKING_TIME", 5.0, 10, 300),
        start_time="09:00",
        end_time="18:00",
        day_of_week=WORKDAYS,
    ),
    element(
        price("PARKING_TIME", 6.0, 10, 300),
        start_time="10:00",
        end_time="17:00",
        day_of_week=["SATURDAY"],
    ),
)


def test_the_complex_tariff_on_a_monday() -> None:
    facts = charged(MORNING, 165, 20, 42, currents=[(MORNING, 16)])
    cost = session_cost(facts, COMPLEX, BERLIN)
    assert totals(cost) == ("9.00", "10.30")
    assert rows(cost) == [
        ("FLAT", 1, money("2.5")),
        ("TIME", 165, money("2.75")),
        ("PARKING_TIME", 45, money("3.75")),
    ]


def test_the_complex_tariff_on_a_saturday() -> None:
    # The specification misadds: it has 2.28 for 114 minutes at 1.25 an hour, which are 2.375, and
    # so 12.28 and 13.861 in all in place of 12.375 and 13.975.
    start = local("2026-11-21 13:30")
    facts = charged(start, 114, 20, 71, currents=[(start, 43)])
    cost = session_cost(facts, COMPLEX, BERLIN)
    assert rows(cost) == [
        ("FLAT", 1, money("2.5")),
        ("TIME", 114, money("2.375")),
        ("PARKING_TIME", 75, money("7.5")),
        ("rounding", 1, money("0.005")),
    ]
    assert totals(cost) == ("12.38", "13.98")


FIRST_PAY = (START_FEE, ENERGY)


def reserved(fee: dict[str, Any] | None, hourly: float, step: int) -> dict[str, Any]:
    components = [price("TIME", hourly, 20, step)]
    return element(*([fee] if fee else []), *components, reservation="RESERVATION")


RESERVED_5 = tariff(reserved(None, 5.0, 60), element(*FIRST_PAY))
RESERVED_FEE = tariff(reserved(price("FLAT", 2.0, 20), 5.0, 300), element(*FIRST_PAY))
EXPIRY_FEE = tariff(
    element(price("FLAT", 4.0, 20), reservation="RESERVATION_EXPIRES"),
    reserved(None, 2.0, 600),
    element(*FIRST_PAY),
)
EXPIRY_TIME = tariff(
    element(price("TIME", 6.0, 20, 600), reservation="RESERVATION_EXPIRES"),
    reserved(None, 3.0, 600),
    element(*FIRST_PAY),
)


@pytest.mark.parametrize(
    ("by", "minutes", "expected"),
    [
        (RESERVED_5, 15, ("6.75", "7.60")),
        (RESERVED_FEE, 13, ("8.75", "10.00")),
        (EXPIRY_FEE, 22, ("6.50", "7.30")),
        (EXPIRY_TIME, 22, ("7.00", "7.90")),
    ],
)
def test_a_reservation_that_is_used_costs_what_the_specification_says(
    by: Tariff, minutes: int, expected: tuple[str, str]
) -> None:
    start = local(f"2026-11-23 10:{minutes}")
    used = ReservationFacts(local("2026-11-23 10:00"), start)
    assert cost_of(charged(start, 60, 20, reservation=used), by) == expected


@pytest.mark.parametrize(
    ("by", "until", "expected"),
    [(EXPIRY_FEE, "11:00", ("6.00", "7.20")), (EXPIRY_TIME, "11:30", ("9.00", "10.80"))],
)
def test_a_reservation_that_expires_costs_what_the_specification_says(
    by: Tariff, until: str, expected: tuple[str, str]
) -> None:
    start, end = local("2026-11-23 10:00"), local(f"2026-11-23 {until}")
    cost = reservation_cost(ReservationFacts(start, end, expired=True), by, BERLIN)
    assert totals(cost) == expected


CHANGING_STEPS = tariff(
    element(
        price("TIME", 1.2, step=1800),
        price("PARKING_TIME", 1.0, step=900),
        start_time="00:00",
        end_time="17:00",
    ),
    element(
        price("TIME", 2.4, step=900),
        price("PARKING_TIME", 1.0, step=900),
        start_time="17:00",
        end_time="20:00",
    ),
    element(price("TIME", 2.4, step=900), start_time="20:00", end_time="00:00"),
)


@pytest.mark.parametrize(
    ("start", "charging", "parked", "expected", "total"),
    [
        (
            "16:55",
            10,
            2,
            [("TIME", 5, "0.1"), ("TIME", 5, "0.2"), ("PARKING_TIME", 15, "0.25")],
            "0.55",
        ),
        ("16:35", 35, 0, [("TIME", 25, "0.5"), ("TIME", 20, "0.8")], "1.30"),
        ("19:40", 12, 20, [("TIME", 12, "0.48"), ("PARKING_TIME", 15, "0.25")], "0.73"),
    ],
)
def test_switching_to_another_element_steps_once(
    start: str, charging: int, parked: int, expected: list[tuple[str, int, str]], total: str
) -> None:
    cost = session_cost(
        charged(local(f"2026-11-23 {start}"), charging, 5, parked), CHANGING_STEPS, BERLIN
    )
    assert rows(cost) == [(name, minutes, money(amount)) for name, minutes, amount in expected]
    assert totals(cost) == (total, total)


@pytest.mark.parametrize(
    ("step", "watt_hours", "billed", "amount"),
    [
        (1, "115.2", 116, "0.029"),
        (25, "101", 125, "0.03125"),
        (25, "125", 125, "0.03125"),
        (500, "1", 500, "0.125"),
        (500, "500", 500, "0.125"),
    ],
)
def test_energy_is_billed_in_steps_of_wh(
    step: int, watt_hours: str, billed: int, amount: str
) -> None:
    by = tariff(element(price("ENERGY", 0.25, step=step)))
    cost = session_cost(charged(MORNING, 60, Fraction(watt_hours) / 1000), by, BERLIN)
    assert rows(cost)[0] == ("ENERGY", Fraction(billed, 1000), money(amount))


def before_and_after_17(type_: str, before: float, after: float, step: int) -> Tariff:
    return tariff(
        element(price(type_, before, step=step), end_time="17:00"),
        element(price(type_, after, step=step)),
    )


def test_the_step_of_energy_is_that_of_the_total() -> None:
    start, five = local("2026-11-23 16:00"), local("2026-11-23 17:00")
    facts = session(start, local("2026-11-23 18:00"), 5.4, [(five, 4.3)])
    cost = session_cost(facts, before_and_after_17("ENERGY", 0.2, 0.27, 500), BERLIN)
    assert rows(cost)[:2] == [
        ("ENERGY", Fraction("4.3"), money("0.86")),
        ("ENERGY", Fraction("1.2"), money("0.324")),
    ]


def test_the_step_of_time_is_that_of_the_total() -> None:
    facts = charged(local("2026-11-23 16:54"), 28, 5)
    cost = session_cost(facts, before_and_after_17("TIME", 5, 7, 600), BERLIN)
    assert rows(cost) == [("TIME", 6, money("0.5")), ("TIME", 24, money("2.8"))]


@pytest.mark.parametrize(
    ("step", "charging", "parked", "billed"), [(600, 21, 16, 20), (300, 21, 7, 10)]
)
def test_charging_is_not_rounded_up_where_parking_follows(
    step: int, charging: int, parked: int, billed: int
) -> None:
    by = tariff(element(price("TIME", 1, step=step), price("PARKING_TIME", 2, step=step)))
    cost = session_cost(charged(MORNING, charging, 5, parked), by, BERLIN)
    assert rows(cost)[:2] == [
        ("TIME", charging, Fraction(charging, 60)),
        ("PARKING_TIME", billed, Fraction(billed, 30)),
    ]


def test_energy_is_priced_by_the_power_with_which_it_flowed() -> None:
    by = tariff(
        element(price("ENERGY", 0.2, 20), max_power=16),
        element(price("ENERGY", 0.35, 20), max_power=32),
        element(price("ENERGY", 0.5, 20)),
    )
    facts = session(
        local("2026-11-23 10:00"),
        local("2026-11-23 11:07:30"),
        41.5,
        [(local("2026-11-23 10:10"), 1), (local("2026-11-23 11:00"), 41)],
    )
    cost = session_cost(facts, by, BERLIN)
    assert rows(cost) == [
        ("ENERGY", 1, money("0.2")),
        ("ENERGY", 40, money("20")),
        ("ENERGY", Fraction("0.5"), money("0.1")),
    ]
    assert cost.total_excl_vat == money("20.30")


def test_energy_is_priced_by_how_long_the_session_has_lasted() -> None:
    by = tariff(
        element(price("ENERGY", 0, 20), max_duration=1800),
        element(price("ENERGY", 0.25, 20), max_duration=3600),
        element(price("ENERGY", 0.4, 20)),
    )
    facts = session(
        local("2026-11-23 10:00"),
        local("2026-11-23 10:40"),
        6.2,
        [(local("2026-11-23 10:30"), 5)],
    )
    cost = session_cost(facts, by, BERLIN)
    assert rows(cost) == [("ENERGY", 5, 0), ("ENERGY", Fraction("1.2"), money("0.3"))]
    assert totals(cost) == ("0.30", "0.36")
