"""What a reservation costs that no session used: it was cancelled, or has expired."""

from datetime import tzinfo

from billing_service.costs.domain.cost import Cost
from billing_service.costs.domain.facts import STOP_BEFORE_START, ReservationFacts
from billing_service.costs.domain.lines import lines_of, periods_of
from billing_service.costs.domain.reservation_pieces import reservation_pieces
from billing_service.costs.domain.totals import settled
from billing_service.tariffs.domain.tariff import Tariff


def reservation_cost(facts: ReservationFacts, tariff: Tariff, time_zone: tzinfo) -> Cost:
    """Return the cost of a reservation. `min_price` and `max_price` are those of a session.

    Raises:
        TooManyPieces: its periods would be more than a cost may have.
    """
    pieces = reservation_pieces(facts, tariff, time_zone)
    review = [STOP_BEFORE_START] if facts.ended_at < facts.reserved_at else []
    return settled(lines_of(pieces), periods_of(pieces), tariff, limited=False, review=review)
