"""The facts of a session that somebody has made up."""

from decimal import Decimal
from fractions import Fraction

from billing_service.costs.domain.exact import Exact
from billing_service.costs.domain.facts import Reading, SessionFacts, StatusChange
from csms_shared.contracts.billing import Simulate


def simulated_facts(session: Simulate) -> SessionFacts:
    """Return a simulated session as the facts that a cost is calculated from."""
    return SessionFacts(
        started_at=session.started_at,
        stopped_at=session.stopped_at,
        meter_start_wh=_exact(session.meter_start),
        meter_stop_wh=_exact(session.meter_stop),
        readings=tuple(Reading(one.at, _exact(one.energy_wh)) for one in session.readings),
        statuses=tuple(StatusChange(one.at, one.status) for one in session.statuses),
    )


def _exact(number: float) -> Exact:
    # The shortest text that is read as the same float is what was written.
    exact = Fraction(Decimal(repr(number)))
    return int(exact) if exact.denominator == 1 else exact
