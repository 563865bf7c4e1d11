"""A session cut into pieces in which the same prices hold, within one local day."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from itertools import chain, pairwise
from typing import NamedTuple

from billing_service.costs.domain.activity import Stretch
from billing_service.costs.domain.conditions import Active, Conditions, Now
from billing_service.costs.domain.cost import Kind
from billing_service.costs.domain.exact import Exact
from billing_service.costs.domain.local_time import LocalTime
from billing_service.costs.domain.register import Register

# Hourly prices for five years, or a change between charging and parking each minute for a month. A
# cost of so many pieces takes a few seconds.
MAX_PIECES = 50_000


class TooManyPieces(ValueError):
    """This session and this tariff give more pieces than a cost may have: it is not calculated."""

    def __init__(self) -> None:
        super().__init__(
            f"the tariff cuts this session into more than {MAX_PIECES} pieces; "
            "with fewer times of day in its restrictions, or a shorter session, there are fewer"
        )


class Piece(NamedTuple):
    """From an instant to another, and from an energy to another, in microseconds and Wh."""

    begins: Exact
    ends: Exact
    energy_begins: Exact
    energy_ends: Exact
    kind: Kind
    active: Active
    day: int


def cut(
    register: Register, stretches: Sequence[Stretch], conditions: Conditions, zone: tzinfo
) -> list[Piece]:
    """Cut at every boundary of the conditions, at each local midnight, and where the use changes.

    Neighbours that differ in nothing are one piece. There is always one, if only of an instant.

    Raises:
        TooManyPieces: there are more than `MAX_PIECES` cuts.
    """
    local = LocalTime(zone, register.begins, register.ends)
    first, last = (register.begins, 0), (register.ends, register.total)
    points: set[tuple[Exact, Exact]] = {first, last}
    for point in _cuts(register, stretches, conditions, local):
        points.add(point)
        if len(points) > MAX_PIECES:
            raise TooManyPieces
    pieces: list[Piece] = []
    stretch = 0
    ordered = sorted(points)
    for (begins, energy), (ends, energy_ends) in pairwise(
        ordered if len(ordered) > 1 else ordered * 2
    ):
        while stretch + 1 < len(stretches) and stretches[stretch + 1].begins <= begins:
            stretch += 1
        use = stretches[stretch]
        day, time = local.day_and_time(begins)
        active = conditions.active(
            Now(
                (day + 3) % 7,  # 1970-01-01 was a Thursday
                conditions.days.of(day),
                conditions.times_of_day.of(time),
                conditions.energy.of(energy),
                conditions.durations.of(begins - register.begins),
                use.power,
                use.current,
            )
        )
        before = pieces[-1] if pieces else None
        if before and (before.kind, before.day) == (use.kind, day) and before.active is active:
            pieces[-1] = before._replace(ends=ends, energy_ends=energy_ends)
        else:
            pieces.append(Piece(begins, ends, energy, energy_ends, use.kind, active, day))
    return pieces


def _cuts(
    register: Register, stretches: Sequence[Stretch], conditions: Conditions, local: LocalTime
) -> Iterator[tuple[Exact, Exact]]:
    """Yield instants between start and end, each with the energy until then."""
    for energy in conditions.energy.levels:
        # What begins with the last Wh matters where the session goes on after it.
        if 0 < energy <= register.total and (instant := register.reached(energy)) <= register.ends:
            yield instant, energy
    instants = chain(
        (stretch.begins for stretch in stretches),
        (register.begins + lasts for lasts in conditions.durations.levels),
        local.boundaries(conditions.times_of_day.levels),
    )
    for at in instants:
        if register.begins < at < register.ends:
            yield at, register.at(at)
