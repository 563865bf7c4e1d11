"""The worked examples of OCPI 2.2.1, from mod_tariffs and mod_cdrs."""

from typing import Any

import pytest

from tests.models.billing_oracle.pricing import reservation_cost, session_cost
from tests.models.billing_oracle.told import (
    amounts,
    element,
    price,
    quantity,
    session,
    tariff,
    totals,
)

START_FEE = price("FLAT", 0.50, 20)
PER_KWH = price("ENERGY", 0.25, 10)
STEP_SIZE_EXAMPLE = tariff(
    element(
        price("TIME", 1.20, step_size=1800),
        price("PARKING_TIME", 1.00, step_size=900),
        start_time="00:00",
        end_time="17:00",
    ),
    element(
        price("TIME", 2.40, step_size=900),
        price("PARKING_TIME", 1.00, step_size=900),
        start_time="17:00",
        end_time="20:00",
    ),
    element(price("TIME", 2.40, step_size=900), start_time="20:00", end_time="00:00"),
)


def kwh(amount: float) -> dict[str, Any]:
    return session("2026-06-01T10:00", (120, amount * 1000))


@pytest.mark.parametrize(
    ("said", "prices", "told", "expected"),
    [
        ("per kWh", tariff(element(PER_KWH)), kwh(20), ("5.00", "5.50")),
        ("start fee", tariff(element(START_FEE, PER_KWH)), kwh(20), ("5.50", "6.10")),
        (
            "minimum price, not reached",
            tariff(element(PER_KWH), min_price={"excl_vat": 0.50, "incl_vat": 0.55}),
            kwh(1.9),
            ("0.50", "0.55"),
        ),
        (
            "minimum price, passed",
            tariff(element(PER_KWH), min_price={"excl_vat": 0.50, "incl_vat": 0.55}),
            kwh(20),
            ("5.00", "5.50"),
        ),
        (
            "parking fee",
            tariff(element(START_FEE, PER_KWH, price("PARKING_TIME", 2, 20, 900))),
            session("2026-06-01T10:00", (120, 20000), (40, 0)),
            ("7.00", "7.90"),
        ),
        (
            "maximum price, passed",
            tariff(element(START_FEE, PER_KWH), max_price={"excl_vat": 10, "incl_vat": 11}),
            kwh(50),
            ("10.00", "11.00"),
        ),
        (
            "maximum price, not reached",
            tariff(element(START_FEE, PER_KWH), max_price={"excl_vat": 10, "incl_vat": 11}),
            kwh(30),
            ("8.00", "8.85"),
        ),
        (
            "2 euros per hour",
            tariff(element(price("TIME", 2, 10, 60))),
            session("2026-06-01T10:00", (150, 9000), (30, 0)),
            ("5.00", "5.50"),
        ),
        (
            "3 euros per hour, 5 for parking",
            tariff(element(price("TIME", 3, 10, 60), price("PARKING_TIME", 5, 20, 300))),
            session("2026-06-01T10:00", (150, 9000), (42, 0)),
            ("11.25", "12.75"),
        ),
        (
            "multiple languages",
            tariff(element(price("TIME", 1.90, 5.2, 300))),
            session("2026-06-01T10:00", (150, 9000)),
            ("4.75", "5.00"),
        ),
        (
            "alternative URL",
            tariff(element(START_FEE, price("ENERGY", 0.25, 10, 100))),
            kwh(20.45),
            ("5.63", "6.24"),
        ),
        (
            "free of charge",
            tariff(element(price("FLAT", 0))),
            kwh(20),
            ("0.00", "0.00"),
        ),
        (
            "the example of a CDR",
            tariff(element(price("TIME", 2, 10, 300))),
            session("2015-06-29T21:39:09", (118 + 23 / 60, 15342)),
            ("4.00", "4.40"),
        ),
    ],
)
def test_an_example_costs_what_the_specification_says(
    said: str, prices: dict[str, Any], told: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert totals(session_cost(prices, told)) == expected, said


def complex_example(start: str, amperes: int, charging: float, parked: float) -> Any:
    weekdays = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]
    weekend = ["SATURDAY", "SUNDAY"]
    prices = tariff(
        element(price("FLAT", 2.50, 15)),
        element(price("TIME", 1, 20, 900), max_current=32),
        element(price("TIME", 2, 20, 600), min_current=32, day_of_week=weekdays),
        element(price("TIME", 1.25, 20, 600), min_current=32, day_of_week=weekend),
        element(
            price("PARKING_TIME", 5, 10, 300),
            start_time="09:00",
            end_time="18:00",
            day_of_week=weekdays,
        ),
        element(
            price("PARKING_TIME", 6, 10, 300),
            start_time="10:00",
            end_time="17:00",
            day_of_week=["SATURDAY"],
        ),
    )
    told = session(start, (charging, 9000), (parked, 0))
    told["currents"] = [{"at": told["started_at"], "amperes": amperes}]
    return session_cost(prices, told)


def test_the_complex_example_on_a_monday_is_rounded_once() -> None:
    cost = complex_example("2026-06-01T09:30", 16, 165, 42)
    assert amounts(cost) == {"FLAT": 2.5, "TIME": 2.75, "PARKING_TIME": 3.75}
    # The rounded VAT of each rate (0.38, 0.55, 0.38) would add up to 10.31.
    assert totals(cost) == ("9.00", "10.30")


def test_the_complex_example_on_a_saturday_is_misadded_by_the_specification() -> None:
    cost = complex_example("2026-06-06T13:30", 43, 114, 71)
    # 114 minutes at 1.25 per hour are 2.375, where the table says 2.28.
    assert amounts(cost) == {"FLAT": 2.5, "TIME": 2.375, "PARKING_TIME": 7.5}


def test_step_size_when_switching_to_a_different_tariff_element() -> None:
    first = session_cost(STEP_SIZE_EXAMPLE, session("2026-06-01T16:55", (10, 1000), (2, 0)))
    assert totals(first)[0] == "0.55"
    second = session_cost(STEP_SIZE_EXAMPLE, session("2026-06-01T16:35", (35, 1000)))
    assert totals(second)[0] == "1.30"
    assert quantity(second, "TIME") == 45
    to_free = session_cost(STEP_SIZE_EXAMPLE, session("2026-06-01T19:40", (12, 1000), (20, 0)))
    assert totals(to_free)[0] == "0.73"
    assert quantity(to_free, "PARKING_TIME") == 15


def test_charging_is_not_rounded_before_parking_and_parking_is() -> None:
    prices = tariff(element(price("TIME", 1, step_size=300), price("PARKING_TIME", 1, None, 300)))
    cost = session_cost(prices, session("2026-06-01T10:00", (21, 1000), (7, 0)))
    assert quantity(cost, "TIME") == 21
    assert quantity(cost, "PARKING_TIME") == 10
    prices = tariff(element(price("TIME", 1, step_size=600), price("PARKING_TIME", 2, None, 600)))
    cost = session_cost(prices, session("2026-06-01T10:00", (21, 1000), (16, 0)))
    assert quantity(cost, "TIME") == 21
    assert quantity(cost, "PARKING_TIME") == 20


def test_step_size_rounds_the_total_of_all_elements_at_the_last_price() -> None:
    energy = tariff(
        element(price("ENERGY", 0.20, None, 500), end_time="17:00"),
        element(price("ENERGY", 0.27, None, 500), start_time="17:00"),
    )
    cost = session_cost(energy, session("2026-06-01T16:00", (60, 4300), (60, 1100)))
    assert quantity(cost, "ENERGY") == 5.5
    assert amounts(cost)["ENERGY"] == pytest.approx(4.3 * 0.20 + 1.2 * 0.27)
    time = tariff(
        element(price("TIME", 5, None, 600), end_time="17:00"),
        element(price("TIME", 7, None, 600), start_time="17:00"),
    )
    cost = session_cost(time, session("2026-06-01T16:54", (28, 4300)))
    assert quantity(cost, "TIME") == 30
    assert amounts(cost)["TIME"] == pytest.approx(6 / 60 * 5 + 24 / 60 * 7)


@pytest.mark.parametrize(
    ("step_size", "billed", "amount"), [(1, 116, 0.029), (25, 125, 0.03125), (500, 500, 0.125)]
)
def test_energy_is_billed_in_blocks_of_the_step_size(
    step_size: int, billed: int, amount: float
) -> None:
    prices = tariff(element(price("ENERGY", 0.25, None, step_size)))
    cost = session_cost(prices, kwh(0.1152))
    assert quantity(cost, "ENERGY") * 1000 == billed
    assert amounts(cost)["ENERGY"] == pytest.approx(amount)


def test_the_price_of_energy_follows_the_power() -> None:
    prices = tariff(
        element(price("ENERGY", 0.20, 20), max_power=16),
        element(price("ENERGY", 0.35, 20), max_power=32),
        element(price("ENERGY", 0.50, 20)),
    )
    told = session("2026-06-01T10:00", (10, 1000), (50, 40000), (7.5, 500))
    assert totals(session_cost(prices, told))[0] == "20.30"


def test_the_price_of_energy_follows_the_duration() -> None:
    prices = tariff(
        element(price("ENERGY", 0, 20), max_duration=1800),
        element(price("ENERGY", 0.25, 20), max_duration=3600),
        element(price("ENERGY", 0.40, 20)),
    )
    told = session("2026-06-01T10:00", (30, 5000), (10, 1200))
    assert totals(session_cost(prices, told))[0] == "0.30"


RESERVED = {"reservation": "RESERVATION"}
EXPIRES = {"reservation": "RESERVATION_EXPIRES"}
SESSION_ELEMENT = element(START_FEE, PER_KWH)
PER_HOUR = tariff(element(price("TIME", 5, 20, 60), **RESERVED), SESSION_ELEMENT)
WITH_FEE = tariff(
    element(price("FLAT", 2, 20), price("TIME", 5, 20, 300), **RESERVED), SESSION_ELEMENT
)
WITH_EXPIRE_FEE = tariff(
    element(price("FLAT", 4, 20), **EXPIRES),
    element(price("TIME", 2, 20, 600), **RESERVED),
    SESSION_ELEMENT,
)
WITH_EXPIRE_TIME = tariff(
    element(price("TIME", 6, 20, 600), **EXPIRES),
    element(price("TIME", 3, 20, 600), **RESERVED),
    SESSION_ELEMENT,
)


@pytest.mark.parametrize(
    ("prices", "minutes", "expired", "expected"),
    [
        (PER_HOUR, 15, False, (6.75, 7.60)),
        (WITH_FEE, 13, False, (8.75, 10.00)),
        (WITH_EXPIRE_FEE, 22, False, (6.50, 7.30)),
        (WITH_EXPIRE_FEE, 60, True, (6.00, 7.20)),
        (WITH_EXPIRE_TIME, 22, False, (7.00, 7.90)),
        (WITH_EXPIRE_TIME, 90, True, (9.00, 10.80)),
    ],
)
def test_a_reservation_costs_what_the_specification_says(
    prices: dict[str, Any], minutes: int, expired: bool, expected: tuple[float, float]
) -> None:
    reserved = session("2026-06-01T08:00", (minutes, 0))
    reservation = {
        "reserved_at": reserved["started_at"],
        "ended_at": reserved["stopped_at"],
        "time_zone": "UTC",
        "expired": expired,
    }
    costs = [reservation_cost(prices, reservation)]
    if not expired:
        costs.append(session_cost(prices, kwh(20)))
    assert float(sum(cost["total_excl_vat"] for cost in costs)) == expected[0]
    assert float(sum(cost["total_incl_vat"] for cost in costs)) == expected[1]
