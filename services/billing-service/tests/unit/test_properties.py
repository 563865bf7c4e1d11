"""What holds of any session and tariff."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from billing_cases import element, price, tariff
from generated_cases import BY_POWER, BY_THE_CLOCK, PRICES, TARIFFS, UNHURRIED, ZONES, sessions
from hypothesis import given
from hypothesis import strategies as st

from billing_service.costs.domain.cost import Cost
from billing_service.costs.domain.facts import (
    Reading,
    SessionFacts,
    microseconds,
)
from billing_service.costs.domain.register import session_register
from billing_service.costs.domain.session_cost import session_cost
from billing_service.tariffs.domain.tariff import Dimension, Tariff


@UNHURRIED
@given(sessions(), TARIFFS, ZONES)
def test_lines_add_up_to_the_totals(facts: SessionFacts, by: Tariff, zone: ZoneInfo) -> None:
    cost = session_cost(facts, by, zone)
    assert sum(line.amount_excl_vat for line in cost.lines) == Fraction(cost.total_excl_vat)
    assert sum(line.amount_incl_vat for line in cost.lines) == Fraction(cost.total_incl_vat)
    vat = sum(share.vat for share in cost.vat) + cost.vat_of_adjustments
    assert vat == cost.total_incl_vat - cost.total_excl_vat
    for limit in filter(None, (by.max_price,)):
        assert cost.total_excl_vat <= limit.excl_vat
        assert limit.incl_vat is None or cost.total_incl_vat <= limit.incl_vat
    for limit in filter(None, (by.min_price,)):
        assert cost.total_excl_vat >= limit.excl_vat
        assert limit.incl_vat is None or cost.total_incl_vat >= limit.incl_vat


@UNHURRIED
@given(sessions(), TARIFFS, ZONES)
def test_periods_have_all_time_and_all_energy_once(
    facts: SessionFacts, by: Tariff, zone: ZoneInfo
) -> None:
    cost = session_cost(replace(facts, reservation=None), by, zone)
    seconds = (facts.stopped_at - facts.started_at).total_seconds()
    assert sum(period.hours for period in cost.periods) * 3600 == seconds
    energy = sum(period.energy_kwh for period in cost.periods) * 1000
    assert energy == session_register(facts).total
    for period, following in zip(cost.periods, cost.periods[1:], strict=False):
        assert period.ends_at == following.begins_at
    for period in cost.periods:
        first = period.begins_at.astimezone(zone).date()
        # Not the last microsecond: a period that ends between two is told cut to the first.
        assert (
            period.hours == 0
            or first == (period.ends_at - timedelta(microseconds=1)).astimezone(zone).date()
        )


@UNHURRIED
@given(sessions(), TARIFFS, ZONES, st.randoms())
def test_order_and_repetition_of_facts_change_nothing(
    facts: SessionFacts, by: Tariff, zone: ZoneInfo, random: Any
) -> None:
    def mixed(items: tuple[Any, ...]) -> tuple[Any, ...]:
        twice = [*items, *random.sample(items, len(items) // 2)]
        random.shuffle(twice)
        return tuple(twice)

    other = replace(
        facts,
        readings=mixed(facts.readings),
        statuses=mixed(facts.statuses),
        currents=mixed(facts.currents),
    )
    assert session_cost(other, by, zone) == session_cost(facts, by, zone)


@UNHURRIED
@given(sessions(), TARIFFS, ZONES)
def test_the_same_facts_cost_the_same_again(
    facts: SessionFacts, by: Tariff, zone: ZoneInfo
) -> None:
    again = Tariff.model_validate_json(by.model_dump_json(exclude_none=True))
    assert session_cost(facts, again, zone) == session_cost(facts, by, zone)


@UNHURRIED
@given(sessions(), TARIFFS, ZONES, st.integers(0, 1_000_000))
def test_a_reading_that_says_what_was_known_changes_nothing(
    facts: SessionFacts, by: Tariff, zone: ZoneInfo, share: int
) -> None:
    register = session_register(facts)
    at = facts.started_at + (facts.stopped_at - facts.started_at) * share / 1_000_000
    known = Reading(at, facts.meter_start_wh + register.at(microseconds(at)))
    other = replace(facts, readings=(*facts.readings, known))
    assert session_cost(other, by, zone) == session_cost(facts, by, zone)


def _energy_amount(cost: Cost) -> Fraction:
    amounts = (line.amount_excl_vat for line in cost.lines if line.dimension is Dimension.ENERGY)
    return sum(amounts, Fraction(0))


def _energy_element(amount: float, limits: dict[str, Any]) -> dict[str, Any]:
    return element(price("ENERGY", amount, step=0), **limits)


CLOCK_AND_POWER = st.builds(lambda clock, power: {**clock, **power}, BY_THE_CLOCK, BY_POWER)


@UNHURRIED
@given(
    sessions().filter(lambda facts: facts.stopped_at > facts.started_at),
    st.lists(st.builds(_energy_element, PRICES, CLOCK_AND_POWER), min_size=1, max_size=6),
    ZONES,
    st.integers(1, 999_999),
)
def test_splitting_a_session_changes_no_energy_price(
    facts: SessionFacts, elements: list[dict[str, Any]], zone: ZoneInfo, share: int
) -> None:
    by = tariff(*elements)
    whole = replace(facts, reservation=None)
    register = session_register(whole)
    at = whole.started_at + (whole.stopped_at - whole.started_at) * share / 1_000_000
    shown = whole.meter_start_wh + register.at(microseconds(at))
    stop = whole.meter_start_wh + register.total
    # Only what counted before counts after, where a reading is out of the other part's bounds.
    counted = tuple(
        Reading(
            datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant),
            whole.meter_start_wh + energy,
        )
        for instant, energy in zip(register.instants, register.energies, strict=True)
    )
    first = replace(whole, stopped_at=at, meter_stop_wh=shown, readings=counted)
    second = replace(
        whole, started_at=at, meter_start_wh=shown, meter_stop_wh=stop, readings=counted
    )
    apart = _energy_amount(session_cost(first, by, zone)) + _energy_amount(
        session_cost(second, by, zone)
    )
    assert apart == _energy_amount(session_cost(whole, by, zone))
