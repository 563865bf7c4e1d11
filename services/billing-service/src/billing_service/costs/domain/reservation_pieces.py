"""The pieces of a reservation, used or not."""

from datetime import tzinfo

from billing_service.costs.domain.activity import reservation_stretches
from billing_service.costs.domain.conditions import Conditions
from billing_service.costs.domain.facts import ReservationFacts
from billing_service.costs.domain.pieces import Piece, cut
from billing_service.costs.domain.register import reservation_register
from billing_service.tariffs.domain.tariff import ReservationRestriction, Tariff


def reservation_pieces(facts: ReservationFacts, tariff: Tariff, time_zone: tzinfo) -> list[Piece]:
    """Cut a reservation by the elements that are of reservations.

    Where it has expired, those of expired reservations come before the others, wherever they stand
    in the tariff (mod_tariffs, ReservationRestrictionType).
    """
    kinds = [ReservationRestriction.RESERVATION]
    if facts.expired:
        kinds.insert(0, ReservationRestriction.RESERVATION_EXPIRES)
    conditions = Conditions(
        (number, element)
        for kind in kinds
        for number, element in enumerate(tariff.elements)
        if element.restrictions.reservation is kind
    )
    register = reservation_register(facts)
    return cut(register, reservation_stretches(register, conditions), conditions, time_zone)
