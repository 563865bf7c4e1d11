"""Composite schedules against the specification's rules, worked out by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from session_service.charging.domain.composite_schedule import (
    Charging,
    CompositePeriod,
    composite_schedule,
    converted,
    rounded_down,
)
from session_service.charging.domain.profiles import (
    Kind,
    Limit,
    Profile,
    Purpose,
    RateUnit,
    Recurrence,
    Schedule,
)

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
HOUR = 3600
DAY = 86_400
A, W = RateUnit.AMPERE, RateUnit.WATT


def schedule(
    *periods: tuple[int, str] | tuple[int, str, int],
    unit: RateUnit = A,
    start: datetime | None = MIDNIGHT,
    duration: int | None = None,
    min_rate: str | None = None,
) -> Schedule:
    return Schedule(
        unit,
        tuple(period[0] for period in periods),
        tuple(Limit(Decimal(period[1]), *period[2:]) for period in periods),
        start,
        duration,
        None if min_rate is None else Decimal(min_rate),
    )


def profile(
    profile_id: int,
    plan: Schedule,
    *,
    purpose: Purpose = Purpose.TX_DEFAULT,
    connector: int = 0,
    kind: Kind = Kind.ABSOLUTE,
    level: int = 0,
    every: Recurrence | None = None,
    valid: tuple[datetime | None, datetime | None] = (None, None),
    transaction: int | None = None,
) -> Profile:
    kind = Kind.RECURRING if every else kind
    return Profile(
        profile_id, connector, purpose, kind, level, plan, every, *valid, transaction_id=transaction
    )


def limits(
    profiles: list[Profile],
    *,
    start: datetime = MIDNIGHT,
    duration: int = DAY,
    unit: RateUnit = A,
    connector: int = 1,
    transaction: int | None = None,
    since: datetime | None = None,
) -> list[tuple[int, str | None]]:
    found = composite_schedule(
        profiles, Charging(connector, transaction, since), start, duration, unit
    )
    return [
        (period.start_s, None if period.limit is None else str(period.limit))
        for period in found.periods
    ]


# The example of 3.13.7: 11 kW, but 6 kW from 08:00 to 20:00, every day.
DAILY_EXAMPLE = profile(
    100,
    schedule(
        (0, "11000", 3),
        (28_800, "6000", 3),
        (72_000, "11000", 3),
        unit=W,
        start=datetime(2013, 1, 1, tzinfo=UTC),
        duration=DAY,
    ),
    every=Recurrence.DAILY,
)


def test_the_specifications_daily_example_limits_the_power_by_day() -> None:
    assert limits([DAILY_EXAMPLE], unit=W) == [
        (0, "11000.0"),
        (8 * HOUR, "6000.0"),
        (20 * HOUR, "11000.0"),
    ]


def test_the_specifications_daily_example_asked_at_noon_counts_from_noon() -> None:
    noon = MIDNIGHT + timedelta(hours=12)
    found = composite_schedule([DAILY_EXAMPLE], Charging(2), noon, DAY, W)
    assert found.periods == (
        CompositePeriod(0, Decimal("6000.0"), 3),
        CompositePeriod(8 * HOUR, Decimal("11000.0"), 3),
        CompositePeriod(20 * HOUR, Decimal("6000.0"), 3),
    )


def test_watts_read_in_amperes_are_divided_by_voltage_and_phases_and_rounded_down() -> None:
    # 11000 / (230 x 3) = 15.94..., 6000 / (230 x 3) = 8.69...
    assert limits([DAILY_EXAMPLE]) == [(0, "15.9"), (8 * HOUR, "8.6"), (20 * HOUR, "15.9")]


def test_amperes_read_in_watts_take_three_phases_where_none_are_named() -> None:
    plan = schedule((0, "16.0"), (60, "16.0", 1))
    assert limits([profile(1, plan)], unit=W, duration=120) == [(0, "11040.0"), (60, "3680.0")]


def test_weekdays_with_a_holiday_on_top_as_in_the_section_on_stacking() -> None:
    # 3.13.2: full power from 23:00 to 06:00 and all weekend, less at other times; a holiday above.
    week: list[tuple[int, str]] = [(0, "32.0")]
    for day in range(5):
        week += [(day * DAY + 6 * HOUR, "10.0"), (day * DAY + 23 * HOUR, "32.0")]
    weekly = profile(1, schedule(*week, duration=7 * DAY), every=Recurrence.WEEKLY)
    tuesday = MIDNIGHT + timedelta(days=1)
    holiday = profile(
        2, schedule((0, "32.0"), start=tuesday, duration=DAY), level=1, valid=(tuesday, None)
    )
    assert limits([weekly, holiday], duration=7 * DAY) == [
        (0, "32.0"),
        (6 * HOUR, "10.0"),
        (23 * HOUR, "32.0"),
        (2 * DAY + 6 * HOUR, "10.0"),
        (2 * DAY + 23 * HOUR, "32.0"),
        (3 * DAY + 6 * HOUR, "10.0"),
        (3 * DAY + 23 * HOUR, "32.0"),
        (4 * DAY + 6 * HOUR, "10.0"),
        (4 * DAY + 23 * HOUR, "32.0"),
    ]


def test_a_higher_level_without_a_duration_never_gives_way() -> None:
    low = profile(1, schedule((0, "10.0")))
    high = profile(2, schedule((0, "20.0"), (100, "21.4")), level=3)
    assert limits([low, high]) == [(0, "20.0"), (100, "21.4")]


def test_a_lower_level_takes_over_when_the_duration_ends_and_nothing_limits_below_it() -> None:
    low = profile(1, schedule((0, "10.0"), duration=200))
    high = profile(2, schedule((0, "20.0"), duration=100), level=3)
    assert limits([low, high], duration=300) == [(0, "20.0"), (100, "10.0"), (200, None)]


def test_the_last_period_holds_until_the_duration_ends_and_later_periods_never_come() -> None:
    plan = schedule((0, "10.0"), (50, "12.0"), (150, "14.0"), duration=100)
    assert limits([profile(1, plan)], duration=200) == [(0, "10.0"), (50, "12.0"), (100, None)]


def test_what_reaches_past_the_recurrence_is_never_executed() -> None:
    plan = schedule((0, "10.0"), (DAY + 10, "99.0"), duration=2 * DAY)
    assert limits([profile(1, plan, every=Recurrence.DAILY)], duration=3 * DAY) == [(0, "10.0")]


def test_a_short_recurring_schedule_falls_back_until_it_starts_again() -> None:
    plan = schedule((0, "10.0"), duration=HOUR)
    nightly = profile(2, plan, every=Recurrence.DAILY, level=1)
    always = profile(1, schedule((0, "16.0")))
    assert limits([nightly, always], duration=2 * DAY) == [
        (0, "10.0"),
        (HOUR, "16.0"),
        (DAY, "10.0"),
        (DAY + HOUR, "16.0"),
    ]


def test_a_recurring_schedule_says_nothing_before_its_first_round() -> None:
    plan = schedule((0, "10.0"), start=MIDNIGHT + timedelta(days=1))
    assert limits([profile(1, plan, every=Recurrence.DAILY)], duration=2 * DAY) == [
        (0, None),
        (DAY, "10.0"),
    ]


def test_validity_begins_at_valid_from_and_ends_just_before_valid_to() -> None:
    window = (MIDNIGHT + timedelta(seconds=10), MIDNIGHT + timedelta(seconds=20))
    found = limits([profile(1, schedule((0, "10.0")), valid=window)], duration=30)
    assert found == [(0, None), (10, "10.0"), (20, None)]


def test_the_station_maximum_and_the_default_merge_to_the_lower_at_every_time() -> None:
    maximum = profile(
        1, schedule((0, "20.0"), (60, "10.0"), (120, "32.0")), purpose=Purpose.STATION_MAX
    )
    default = profile(2, schedule((0, "16.0"), (90, "8.1")))
    assert limits([maximum, default], duration=180) == [(0, "16.0"), (60, "10.0"), (90, "8.1")]


def test_limits_of_different_units_are_compared_after_conversion() -> None:
    maximum = profile(1, schedule((0, "6900.0", 3), unit=W), purpose=Purpose.STATION_MAX)
    default = profile(2, schedule((0, "10.0"), (60, "9.9"), (120, "10.1")))
    assert limits([maximum, default], duration=180) == [(0, "10.0"), (60, "9.9"), (120, "10.0")]


def test_a_transactions_profile_overrules_the_default_in_that_transaction_only() -> None:
    default = profile(1, schedule((0, "10.0")))
    own = profile(2, schedule((0, "25.0")), purpose=Purpose.TX, connector=1, transaction=7)
    assert limits([default, own], transaction=7) == [(0, "25.0")]
    assert limits([default, own], transaction=8) == [(0, "10.0")]
    assert limits([default, own]) == [(0, "10.0")]


def test_where_a_transactions_profiles_say_nothing_no_default_takes_their_place() -> None:
    default = profile(1, schedule((0, "10.0")))
    own = profile(
        2, schedule((0, "25.0"), duration=60), purpose=Purpose.TX, connector=1, transaction=7
    )
    assert limits([default, own], transaction=7) == [(0, "25.0"), (60, None)]
    assert limits([default, own], transaction=8) == [(0, "10.0")]
    maximum = profile(3, schedule((0, "32.0")), purpose=Purpose.STATION_MAX)
    assert limits([maximum, default, own], transaction=7) == [(0, "25.0"), (60, "32.0")]


def test_a_relative_schedule_counts_from_the_start_of_the_transaction() -> None:
    own = profile(
        2,
        schedule((0, "25.0"), (HOUR, "6.0"), start=None),
        purpose=Purpose.TX,
        kind=Kind.RELATIVE,
        connector=1,
        transaction=7,
    )
    since = MIDNIGHT - timedelta(minutes=20)
    assert limits([own], transaction=7, since=since) == [(0, "25.0"), (40 * 60, "6.0")]


def test_without_a_transaction_a_relative_schedule_starts_with_the_answer() -> None:
    relative = profile(1, schedule((0, "25.0"), (60, "6.0"), start=None), kind=Kind.RELATIVE)
    assert limits([relative]) == [(0, "25.0"), (60, "6.0")]


def test_a_connectors_own_default_stands_in_for_connector_0_on_its_level_even_while_invalid() -> (
    None
):
    everywhere = profile(1, schedule((0, "10.0")))
    here = profile(
        2, schedule((0, "20.0")), connector=1, valid=(MIDNIGHT + timedelta(hours=1), None)
    )
    assert limits([everywhere, here]) == [(0, None), (HOUR, "20.0")]
    assert limits([everywhere, here], connector=2) == [(0, "10.0")]


def test_connector_0_shows_the_station_maximum_alone() -> None:
    maximum = profile(1, schedule((0, "32.0")), purpose=Purpose.STATION_MAX)
    default = profile(2, schedule((0, "16.0")))
    assert limits([maximum, default], connector=0) == [(0, "32.0")]


def test_phases_are_the_fewest_that_a_merged_profile_names() -> None:
    maximum = profile(1, schedule((0, "32.0")), purpose=Purpose.STATION_MAX)
    default = profile(2, schedule((0, "16.0", 1)))
    found = composite_schedule([maximum, default], Charging(1), MIDNIGHT, 60, A)
    assert found.periods == (CompositePeriod(0, Decimal("16.0"), 1),)


def test_the_minimum_rate_is_the_highest_of_the_profiles_that_count() -> None:
    maximum = profile(1, schedule((0, "32.0"), min_rate="6.1"), purpose=Purpose.STATION_MAX)
    default = profile(2, schedule((0, "16.0"), min_rate="8.1"))
    later = MIDNIGHT + timedelta(days=9)
    hidden = profile(3, schedule((0, "16.0"), min_rate="9.9", start=later), level=1)
    found = composite_schedule([maximum, default, hidden], Charging(1), MIDNIGHT, 60, A)
    assert found.min_rate == Decimal("8.1")


def test_nothing_installed_limits_nothing() -> None:
    assert limits([]) == [(0, None)]


def test_tenths_stay_exact_where_binary_fractions_would_not() -> None:
    plan = schedule((0, "0.3"), (1, "21.4"), (2, "8.1"))
    assert limits([profile(1, plan)], duration=3) == [(0, "0.3"), (1, "21.4"), (2, "8.1")]


@given(st.integers(0, 10_000_000), st.integers(1, 3), st.sampled_from([110, 120, 230, 240]))
def test_a_rate_there_and_back_is_never_higher(tenths: int, phases: int, voltage: int) -> None:
    value = Decimal(tenths).scaleb(-1)
    amperes = rounded_down(converted(value, W, A, phases, voltage))
    assert converted(amperes, A, W, phases, voltage) <= Fraction(value)
    assert converted(amperes + Decimal("0.1"), A, W, phases, voltage) > Fraction(value)
