"""What a session costs, with the reservation that it used."""

from collections.abc import Iterator
from datetime import tzinfo

from billing_service.costs.domain.activity import Stretch, session_stretches
from billing_service.costs.domain.conditions import Conditions
from billing_service.costs.domain.cost import Cost, Kind
from billing_service.costs.domain.facts import (
    NEGATIVE_ENERGY,
    REVIEWED_FLAGS,
    STOP_BEFORE_START,
    SessionFacts,
)
from billing_service.costs.domain.lines import lines_of, periods_of
from billing_service.costs.domain.pieces import cut
from billing_service.costs.domain.register import Register, session_register
from billing_service.costs.domain.reservation_pieces import reservation_pieces
from billing_service.costs.domain.totals import settled
from billing_service.tariffs.domain.tariff import Tariff

POWER_UNKNOWN, CURRENT_UNKNOWN = "power_unknown", "current_unknown"


def session_cost(facts: SessionFacts, tariff: Tariff, time_zone: tzinfo) -> Cost:
    """Return the cost of a session by the zone of its place.

    Raises:
        TooManyPieces: its periods would be more than a cost may have.
    """
    conditions = Conditions(
        (number, element)
        for number, element in enumerate(tariff.elements)
        if element.restrictions.reservation is None
    )
    register = session_register(facts)
    stretches = session_stretches(facts, register, conditions)
    pieces = cut(register, stretches, conditions, time_zone)
    lines, periods = lines_of(pieces), periods_of(pieces)
    if facts.reservation is not None:
        before = reservation_pieces(facts.reservation, tariff, time_zone)
        lines, periods = [*lines_of(before), *lines], [*periods_of(before), *periods]
    return settled(
        lines,
        periods,
        tariff,
        limited=True,
        review=_reasons(facts, register, stretches, conditions),
    )


def _reasons(
    facts: SessionFacts, register: Register, stretches: list[Stretch], conditions: Conditions
) -> Iterator[str]:
    """Yield why somebody has to look at it: flags, and what can't be right or is not known."""
    yield from facts.flags & REVIEWED_FLAGS
    if facts.stopped_at < facts.started_at:
        yield STOP_BEFORE_START
    if facts.meter_stop_wh is not None and facts.meter_stop_wh < facts.meter_start_wh:
        yield NEGATIVE_ENERGY
    charging = [one for one in stretches if one.kind is Kind.CHARGING] if register.total else []
    if conditions.asks_for_power and any(one.power is None for one in charging):
        yield POWER_UNKNOWN
    if conditions.asks_for_current and any(one.current is None for one in charging):
        yield CURRENT_UNKNOWN
