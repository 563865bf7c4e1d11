"""Cases worked by hand, for what the specification's examples leave out."""

from fractions import Fraction
from typing import Any

import pytest

from tests.models.billing_oracle.explanation import explained
from tests.models.billing_oracle.pricing import session_cost
from tests.models.billing_oracle.told import (
    amounts,
    element,
    price,
    quantity,
    session,
    tariff,
    totals,
)

AMSTERDAM = "Europe/Amsterdam"


def minutes_within(told: dict[str, Any], **restrictions: object) -> float:
    """Tell how many charging minutes of a session an element with these restrictions gets."""
    cost = session_cost(tariff(element(price("TIME", 60), **restrictions)), told)
    return amounts(cost).get("TIME", 0)


# Clocks and calendars


def test_hours_wrap_around_midnight() -> None:
    told = session("2026-06-01T21:00", (600, 10000), zone=AMSTERDAM)
    assert minutes_within(told, start_time="22:00", end_time="06:00") == 480
    assert minutes_within(told, start_time="06:00", end_time="22:00") == 120
    assert minutes_within(told, start_time="22:00", end_time="00:00") == 120
    assert minutes_within(told, start_time="00:00", end_time="00:00") == 600
    assert minutes_within(told, start_time="23:00") == 60
    assert minutes_within(told, end_time="02:00") == 120
    assert minutes_within(told, start_time="13:00", end_time="13:00") == 600


def test_the_weekday_changes_at_local_midnight() -> None:
    told = session("2026-06-07T23:30", (60, 1000), zone="Asia/Kathmandu")  # 17:45 UTC
    assert minutes_within(told, day_of_week=["SUNDAY"]) == 30
    assert minutes_within(told, day_of_week=["MONDAY"]) == 30


def test_hours_after_midnight_belong_to_the_weekday_of_that_moment() -> None:
    told = session("2026-06-05T22:00", (480, 1000))  # Friday evening to Saturday morning
    friday_nights = {"start_time": "22:00", "end_time": "06:00", "day_of_week": ["FRIDAY"]}
    assert minutes_within(told, **friday_nights) == 120


def test_dates_are_local_and_end_before_the_end_date() -> None:
    told = session("2026-06-01T23:00", (26 * 60, 1000), zone="Pacific/Chatham")
    assert minutes_within(told, start_date="2026-06-02") == 25 * 60
    assert minutes_within(told, end_date="2026-06-02") == 60
    assert minutes_within(told, start_date="2026-06-02", end_date="2026-06-03") == 24 * 60


def test_a_day_of_23_hours_has_no_hour_from_two_to_three() -> None:
    told = session("2026-03-29T00:00", (23 * 60, 1000), zone=AMSTERDAM)
    assert minutes_within(told, start_date="2026-03-29", end_date="2026-03-30") == 23 * 60
    assert minutes_within(told, start_time="02:00", end_time="03:00") == 0
    assert minutes_within(told, start_time="01:00", end_time="04:00") == 120


def test_a_day_of_25_hours_has_the_hour_from_two_to_three_twice() -> None:
    told = session("2026-10-25T00:00", (25 * 60, 1000), zone=AMSTERDAM)
    assert minutes_within(told, start_date="2026-10-25", end_date="2026-10-26") == 25 * 60
    assert minutes_within(told, start_time="02:00", end_time="03:00") == 120
    assert minutes_within(told, start_time="01:00", end_time="04:00") == 240
    assert minutes_within(told, start_time="02:30", end_time="03:00") == 60


def test_clocks_may_change_by_half_an_hour_and_at_midnight() -> None:
    told = session("2026-04-05T00:00", (180, 1000), zone="Australia/Lord_Howe")
    assert minutes_within(told, start_time="01:30", end_time="02:00") == 60
    told = session("2026-04-23T23:00", (120, 1000), zone="Africa/Cairo")  # 00:00 is skipped
    assert minutes_within(told, start_time="00:00", end_time="01:00") == 0
    assert minutes_within(told, day_of_week=["FRIDAY"]) == 60
    assert minutes_within(told, day_of_week=["THURSDAY"]) == 60


# Energy, power, current, duration


def test_an_energy_limit_is_met_inside_a_second() -> None:
    told = session("2026-06-01T10:00", (60, 10000))
    prices = tariff(
        element(price("ENERGY", 1), price("TIME", 60), max_kwh=3.3333),
        element(price("ENERGY", 2), price("TIME", 0)),
    )
    cost = session_cost(prices, told)
    assert amounts(cost)["ENERGY"] == pytest.approx(3.3333 + 2 * 6.6667)
    assert cost["lines"]["TIME"]["excl_vat"] == Fraction("3.3333") * 6  # 6 minutes per kWh
    assert quantity(cost, "TIME") == 60


def test_energy_limits_include_the_lower_and_exclude_the_upper_bound() -> None:
    prices = tariff(
        element(price("PARKING_TIME", 1), max_kwh=5),
        element(price("PARKING_TIME", 2), min_kwh=5, max_kwh=5.0001),
        element(price("PARKING_TIME", 4)),
    )
    cost = session_cost(prices, session("2026-06-01T10:00", (60, 5000), (60, 0)))
    assert amounts(cost) == {"PARKING_TIME": 2}


def test_power_is_the_average_between_two_readings() -> None:
    told = session("2026-06-01T10:00", (60, 11000), (30, 5500), (30, 2750), (30, 0))
    prices = tariff(element(price("ENERGY", 1), min_power=11))
    assert amounts(session_cost(prices, told)) == {"ENERGY": 16.5}
    prices = tariff(element(price("ENERGY", 1), max_power=11))
    assert amounts(session_cost(prices, told)) == {"ENERGY": 2.75}
    prices = tariff(element(price("PARKING_TIME", 1), max_power=1))
    assert amounts(session_cost(prices, told)) == {"PARKING_TIME": 0.5}


def test_a_current_that_nobody_measured_meets_no_limit() -> None:
    told = session("2026-06-01T10:00", (60, 11000))
    assert minutes_within(told, min_current=1) == 0
    assert minutes_within(told, max_current=100) == 0


def test_current_limits_include_the_lower_and_exclude_the_upper_bound() -> None:
    told = session("2026-06-01T10:00", (10, 1000), (20, 4000), (30, 5000))
    moments = (told["started_at"], *(reading["at"] for reading in told["readings"][:2]))
    told["currents"] = [
        {"at": at, "amperes": amperes} for at, amperes in zip(moments, (15.5, 16, 32), strict=True)
    ]
    assert minutes_within(told, max_current=16) == 10
    assert minutes_within(told, min_current=16, max_current=32) == 20
    assert minutes_within(told, min_current=32) == 30


def test_durations_include_the_lower_and_exclude_the_upper_bound() -> None:
    told = session("2026-06-01T10:00", (60, 11000))
    assert minutes_within(told, min_duration=600) == 50
    assert minutes_within(told, max_duration=600) == 10
    assert minutes_within(told, min_duration=600, max_duration=660) == 1
    assert minutes_within(told, min_duration=3600) == 0


# Charging and parking


def test_an_interval_without_a_rise_is_parking_except_while_the_station_suspends() -> None:
    prices = tariff(element(price("TIME", 1), price("PARKING_TIME", 10)))
    legs = ((60, 5000), (60, 0))
    idle = session_cost(prices, session("2026-06-01T10:00", *legs))
    assert amounts(idle) == {"TIME": 1, "PARKING_TIME": 10}
    by_evse = session("2026-06-01T10:00", *legs, status=[(80, "SuspendedEVSE"), (110, "Charging")])
    assert amounts(session_cost(prices, by_evse)) == {"TIME": 1.5, "PARKING_TIME": 5}
    by_car = session("2026-06-01T10:00", *legs, status=[(0, "SuspendedEV")])
    assert amounts(session_cost(prices, by_car)) == {"TIME": 1, "PARKING_TIME": 10}
    before = session("2026-06-01T10:00", (60, 0), status=[(-5, "SuspendedEVSE")])
    assert amounts(session_cost(prices, before)) == {"TIME": 1}


def test_a_session_without_readings_charges_all_the_time() -> None:
    told = session("2026-06-01T10:00", (60, 5000)) | {"readings": []}
    prices = tariff(element(price("TIME", 1), price("PARKING_TIME", 10), price("ENERGY", 1)))
    assert amounts(session_cost(prices, told)) == {"TIME": 1, "ENERGY": 5}


def test_readings_that_cannot_be_right_are_dropped() -> None:
    told = session("2026-06-01T10:00", (30, 1000), (30, 2000), (60, 0))
    prices = tariff(
        element(price("ENERGY", 1), price("TIME", 1), max_duration=2700),
        element(price("ENERGY", 10), price("TIME", 1)),
    )
    expected = session_cost(prices, told)
    assert amounts(expected) == {"ENERGY": 12, "TIME": 1}
    wrong = [
        {"at": "2026-06-01T10:20:00Z", "energy_wh": 99_000},  # below the first
        {"at": "2026-06-01T10:40:00Z", "energy_wh": 200_000},  # above the last
        {"at": "2026-06-01T10:45:00Z", "energy_wh": 100_900},  # below the one before
        {"at": "2026-06-01T11:00:00Z", "energy_wh": 102_999},  # not the highest at its instant
        {"at": "2026-06-01T09:00:00Z", "energy_wh": 100_500},  # before the start
        {"at": "2026-06-01T12:00:00Z", "energy_wh": 102_000},  # the end has its own
    ]
    told["readings"] = [*wrong, *reversed(told["readings"])]
    assert session_cost(prices, told) == expected


def test_a_session_of_no_time_has_its_energy_and_its_fee() -> None:
    prices = tariff(element(price("ENERGY", 1), price("FLAT", 3), price("TIME", 5)))
    assert amounts(session_cost(prices, session("2026-06-01T10:00", (0, 2000)))) == {
        "ENERGY": 2,
        "FLAT": 3,
    }
    assert amounts(session_cost(prices, session("2026-06-01T10:00", (0, 0)))) == {"FLAT": 3}


def test_a_session_that_stops_before_it_starts_takes_no_time() -> None:
    prices = tariff(element(price("ENERGY", 1), price("FLAT", 3), price("TIME", 5)))
    told = session("2026-06-01T10:00", (60, 5000)) | {"stopped_at": "2026-06-01T09:00:00Z"}
    assert amounts(session_cost(prices, told)) == {"ENERGY": 5, "FLAT": 3}


@pytest.mark.parametrize("meter_stop", [None, 0])
def test_a_register_without_a_stop_that_counts_ends_with_its_highest_reading(
    meter_stop: int | None,
) -> None:
    prices = tariff(element(price("ENERGY", 1), price("PARKING_TIME", 60)))
    told = session("2026-06-01T10:00", (30, 4000), (30, 0)) | {"meter_stop": meter_stop}
    assert amounts(session_cost(prices, told)) == {"ENERGY": 4, "PARKING_TIME": 30}


# Elements


def test_the_first_active_element_counts_for_each_dimension_by_itself() -> None:
    prices = tariff(
        element(price("TIME", 1), max_duration=1800),
        element(price("TIME", 2), price("ENERGY", 3)),
        element(price("TIME", 100), price("ENERGY", 100)),
    )
    cost = session_cost(prices, session("2026-06-01T10:00", (60, 1000)))
    assert amounts(cost) == {"TIME": 1.5, "ENERGY": 3}


def test_what_no_element_prices_is_free() -> None:
    prices = tariff(element(price("ENERGY", 1), min_duration=1800))
    cost = session_cost(prices, session("2026-06-01T10:00", (60, 1000)))
    assert amounts(cost) == {"ENERGY": 0.5}
    assert cost["total_incl_vat"] == Fraction("0.5")


def test_one_flat_fee_is_paid_that_of_the_first_moment_with_one() -> None:
    prices = tariff(
        element(price("FLAT", 1), min_duration=1800),
        element(price("FLAT", 2), min_duration=600),
    )
    told = session("2026-06-01T10:00", (60, 1000))
    assert amounts(session_cost(prices, told)) == {"FLAT": 2}
    short = session("2026-06-01T10:00", (10, 1000))
    assert amounts(session_cost(prices, short)) == {}


def test_elements_for_reservations_have_no_part_in_a_session() -> None:
    prices = tariff(
        element(price("FLAT", 9), price("TIME", 9), reservation="RESERVATION"),
        element(price("TIME", 1)),
    )
    told = session("2026-06-01T10:00", (60, 1000))
    assert amounts(session_cost(prices, told)) == {"TIME": 1}


# Step size


def test_a_step_of_900_from_charging_to_parking_rounds_the_parking_only() -> None:
    prices = tariff(element(price("TIME", 60, None, 900), price("PARKING_TIME", 60, None, 900)))
    cost = session_cost(prices, session("2026-06-01T10:00", (20, 1000), (20, 0)))
    assert amounts(cost) == {"TIME": 20, "PARKING_TIME": 30}


def test_who_charges_again_after_parking_has_the_charging_rounded() -> None:
    prices = tariff(element(price("TIME", 60, None, 900), price("PARKING_TIME", 60, None, 900)))
    cost = session_cost(prices, session("2026-06-01T10:00", (20, 1000), (20, 0), (20, 1000)))
    assert amounts(cost) == {"TIME": 45, "PARKING_TIME": 20}


def test_parking_that_is_free_leaves_the_step_to_the_charging() -> None:
    prices = tariff(element(price("TIME", 60, None, 900)))
    cost = session_cost(prices, session("2026-06-01T10:00", (20, 1000), (20, 0)))
    assert amounts(cost) == {"TIME": 30}


def test_the_step_of_energy_is_that_of_the_component_that_last_priced_some() -> None:
    prices = tariff(
        element(price("ENERGY", 1, None, 500), max_duration=3600),
        element(price("ENERGY", 7, None, 1000)),
    )
    cost = session_cost(prices, session("2026-06-01T10:00", (60, 1100), (60, 0)))
    assert amounts(cost) == {"ENERGY": 1.5}


def test_a_multiple_of_the_step_is_not_rounded_up() -> None:
    prices = tariff(element(price("ENERGY", 1, None, 500), price("TIME", 1, None, 900)))
    cost = session_cost(prices, session("2026-06-01T10:00", (15, 1500)))
    assert (quantity(cost, "ENERGY"), quantity(cost, "TIME")) == (1.5, 15)


# Totals


def test_totals_are_rounded_once_and_the_adjustment_makes_the_lines_add_up() -> None:
    prices = tariff(element(price("FLAT", 0.125, 20), price("ENERGY", 0.33, 10)))
    cost = session_cost(prices, session("2026-06-01T10:00", (60, 1000)))
    # 0.125 + 0.33 = 0.455; VAT 0.025 and 0.033, together 0.513.
    assert totals(cost) == ("0.46", "0.51")
    assert cost["vat"] == {Fraction(20): Fraction("0.03"), Fraction(10): Fraction("0.03")}
    for total, kind in (("total_excl_vat", "excl_vat"), ("total_incl_vat", "incl_vat")):
        assert sum(line[kind] for line in cost["lines"].values()) == cost[total]  # type: ignore[literal-required]
    assert cost["lines"]["ADJUSTMENT"]["excl_vat"] == Fraction("0.005")


@pytest.mark.parametrize(("currency", "rounded"), [("EUR", "1.01"), ("JPY", "1"), ("KWD", "1.006")])
def test_halves_are_rounded_up_to_the_minor_unit_of_the_currency(
    currency: str, rounded: str
) -> None:
    prices = tariff(element(price("FLAT", 1.0055)), currency=currency)
    cost = session_cost(prices, session("2026-06-01T10:00", (60, 1000)))
    assert cost["total_excl_vat"] == Fraction(rounded)
    assert cost["total_incl_vat"] == Fraction(rounded)


def test_a_maximum_holds_for_both_totals_of_mixed_vat() -> None:
    mixed = (price("FLAT", 10, 20), price("ENERGY", 1, 10))
    told = session("2026-06-01T10:00", (60, 10000))  # 20.00, with VAT 23.00
    both = tariff(element(*mixed), max_price={"excl_vat": 15, "incl_vat": 17})
    assert totals(session_cost(both, told)) == ("15.00", "17.00")
    only_gross = tariff(element(*mixed), max_price={"excl_vat": 20, "incl_vat": 22.5})
    assert totals(session_cost(only_gross, told)) == ("20.00", "22.50")
    only_net = tariff(element(*mixed), max_price={"excl_vat": 19, "incl_vat": 24})
    assert totals(session_cost(only_net, told)) == ("19.00", "23.00")


def test_vat_follows_a_limit_that_names_none_in_proportion() -> None:
    mixed = (price("FLAT", 10, 20), price("ENERGY", 1, 10))
    told = session("2026-06-01T10:00", (60, 10000))  # 20.00, with VAT 23.00
    most = tariff(element(*mixed), max_price={"excl_vat": 15})
    assert totals(session_cost(most, told)) == ("15.00", "17.25")
    least = tariff(element(*mixed), min_price={"excl_vat": 40})
    assert totals(session_cost(least, told)) == ("40.00", "46.00")


def test_a_minimum_holds_for_both_totals() -> None:
    told = session("2026-06-01T10:00", (60, 1000))
    prices = tariff(element(price("ENERGY", 1, 20)), min_price={"excl_vat": 1, "incl_vat": 1.25})
    assert totals(session_cost(prices, told)) == ("1.00", "1.25")
    free = tariff(element(price("FLAT", 0, 20)), min_price={"excl_vat": 0.5})
    assert totals(session_cost(free, told)) == ("0.50", "0.60")
    mixed = element(price("FLAT", 0, 20), price("ENERGY", 0, 10))
    assert totals(session_cost(tariff(mixed, min_price={"excl_vat": 0.5}), told)) == (
        "0.50",
        "0.50",
    )


def test_a_maximum_that_names_no_vat_leaves_the_minimum_with_vat() -> None:
    told = session("2026-06-01T10:00", (60, 18000))
    prices = tariff(
        element(price("ENERGY", 1, 10)),
        min_price={"excl_vat": 10, "incl_vat": 20},
        max_price={"excl_vat": 15},
    )
    assert totals(session_cost(prices, told)) == ("15.00", "20.00")


# Explanation


def test_an_explanation_tells_where_what_applies_changes() -> None:
    prices = tariff(element(price("ENERGY", 1), max_kwh=1), element(price("PARKING_TIME", 2)))
    told = session("2026-06-01T10:00", (60, 2000), (30, 0))
    assert list(explained(prices, told)) == [
        "     0 s MON 2026-06-01 10:00 charging 1800 s, 1000 Wh: ENERGY of component 0",
        "  1800 s MON 2026-06-01 10:30 charging 1800 s, 1000 Wh: nothing",
        "  3600 s MON 2026-06-01 11:00 parked 1800 s, 0 Wh: PARKING_TIME of component 1",
    ]
