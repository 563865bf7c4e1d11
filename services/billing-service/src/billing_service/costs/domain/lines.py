"""Lines of a cost: what was used in each piece, rounded up to steps as OCPI has it, and priced."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from billing_service.costs.domain.conditions import Applied
from billing_service.costs.domain.cost import Kind, Line, Period
from billing_service.costs.domain.exact import Exact, exact_sum
from billing_service.costs.domain.facts import moment
from billing_service.costs.domain.pieces import Piece
from billing_service.tariffs.domain.tariff import Dimension

_HOUR = 3_600_000_000
_KWH = 1000
_TIME_OF = {
    Kind.CHARGING: Dimension.TIME,
    Kind.PARKING: Dimension.PARKING_TIME,
    Kind.RESERVATION: Dimension.TIME,
}
# Steps are counted once for energy and once for both times together (mod_cdrs, step_size); of a
# unit there are so many steps of 1.
_STEPPED = (
    ((Dimension.ENERGY,), _KWH),
    ((Dimension.TIME, Dimension.PARKING_TIME), 3600),
)


class _Used(NamedTuple):
    """So many kWh, hours or sessions of a price."""

    dimension: Dimension
    applied: Applied
    begins: Exact
    ends: Exact
    quantity: Fraction


def lines_of(pieces: Sequence[Piece]) -> list[Line]:
    """Return what a session, or a reservation, has of every price, in the order of time."""
    return [_line(used, pieces[0].kind) for used in _in_steps(list(_used(pieces)))]


def periods_of(pieces: Sequence[Piece]) -> list[Period]:
    """Return the pieces as they are told."""
    return [
        Period(
            moment(piece.begins),
            moment(piece.ends),
            piece.kind,
            _energy(piece),
            _hours(piece),
            tuple(
                (type_, piece.active[type_].element) for type_ in Dimension if type_ in piece.active
            ),
        )
        for piece in pieces
    ]


def _used(pieces: Sequence[Piece]) -> Iterator[_Used]:
    flat = False
    for piece in pieces:
        # A flat fee is for a session: the first that holds is charged, and no other after it.
        if not flat and (fee := piece.active.get(Dimension.FLAT)):
            flat = True
            yield _Used(Dimension.FLAT, fee, piece.begins, piece.begins, Fraction(1))
        time = _TIME_OF[piece.kind]
        for dimension, quantity in ((Dimension.ENERGY, _energy(piece)), (time, _hours(piece))):
            if quantity and (applied := piece.active.get(dimension)):
                yield _Used(dimension, applied, piece.begins, piece.ends, quantity)


def _in_steps(used: list[_Used]) -> list[_Used]:
    """Round up: the last price of a kind says by which step, and takes what is added.

    What is rounded is all that was paid of its dimension in the session, not the last line.
    """
    for dimensions, steps_in_a_unit in _STEPPED:
        at = max((at for at, one in enumerate(used) if one.dimension in dimensions), default=None)
        if at is None or not (size := used[at].applied.component.step_size):
            continue
        last = used[at]
        total = exact_sum(one.quantity for one in used if one.dimension is last.dimension)
        step = Fraction(size, steps_in_a_unit)
        added = ceil(total / step) * step - total
        used[at] = last._replace(quantity=last.quantity + added)
    return used


def _line(used: _Used, kind: Kind) -> Line:
    component = used.applied.component
    amount = used.quantity * used.applied.price
    vat = Fraction(component.vat or 0)
    return Line(
        dimension=used.dimension,
        adjustment=None,
        of_reservation=kind is Kind.RESERVATION,
        begins_at=moment(used.begins),
        ends_at=moment(used.ends),
        element=used.applied.element,
        quantity=used.quantity,
        unit_price=component.price,
        vat_percent=component.vat,
        amount_excl_vat=amount,
        amount_incl_vat=amount * (1 + vat / 100),
    )


def _energy(piece: Piece) -> Fraction:
    return Fraction(piece.energy_ends - piece.energy_begins) / _KWH


def _hours(piece: Piece) -> Fraction:
    return Fraction(piece.ends - piece.begins) / _HOUR
