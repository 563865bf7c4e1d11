"""What the connector was used for, and how much it gave: charging, parking, reserved."""

from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from billing_service.costs.domain.conditions import Conditions
from billing_service.costs.domain.cost import Kind
from billing_service.costs.domain.exact import Exact
from billing_service.costs.domain.facts import SUSPENDED_BY_STATION, SessionFacts, microseconds
from billing_service.costs.domain.register import Register

_KW = Fraction(3_600_000)  # of a Wh in a microsecond


class Stretch(NamedTuple):
    """From an instant on, until the next stretch: the use, and the bands of power and current."""

    begins: int
    kind: Kind
    power: int | None
    current: int | None


def session_stretches(
    facts: SessionFacts, register: Register, conditions: Conditions
) -> list[Stretch]:
    """Return what a session was, from its start on.

    Where the register rises, the session charges, with the mean power of that time. Where it does
    not, the vehicle is parked, unless the station says that it is itself what gives no energy.
    Nothing flows then: power and current are 0.
    """
    suspended = _Held(
        {(microseconds(one.at), int(one.status == SUSPENDED_BY_STATION)) for one in facts.statuses}
    )
    currents = _Held(
        {(microseconds(one.at), one.amperes) for one in facts.currents}
        if conditions.asks_for_current
        else ()
    )
    idle = conditions.powers.of(0), conditions.currents.of(0)
    if register.begins == register.ends:
        if register.total:
            return [Stretch(register.begins, Kind.CHARGING, None, None)]
        return [Stretch(register.begins, Kind.PARKING, *idle)]
    stretches: list[Stretch] = []
    inside = {
        at
        for held in (suspended, currents)
        for at in held.instants
        if register.begins < at < register.ends
    }
    interval, rises, power = -1, False, idle[0]
    for instant in sorted(inside.union(register.instants[:-1])):
        if register.instants[interval + 1] == instant:
            interval += 1
            rise, lasts = _interval(register, interval)
            rises = rise > 0
            if rises and conditions.asks_for_power:
                power = conditions.powers.of(Fraction(rise, lasts) * _KW)
        if rises:
            amperes = currents.first_or_at(instant)
            current = None if amperes is None else conditions.currents.of(amperes)
            stretch = Stretch(instant, Kind.CHARGING, power, current)
        else:
            held_back = suspended.at(instant)
            stretch = Stretch(instant, Kind.CHARGING if held_back else Kind.PARKING, *idle)
        if not stretches or stretches[-1][1:] != stretch[1:]:
            stretches.append(stretch)
    return stretches


def reservation_stretches(register: Register, conditions: Conditions) -> list[Stretch]:
    """Return what a reservation was: nothing flows."""
    idle = conditions.powers.of(0), conditions.currents.of(0)
    return [Stretch(register.begins, Kind.RESERVATION, *idle)]


def _interval(register: Register, number: int) -> tuple[Exact, int]:
    (least, most), (begins, ends) = (
        register.energies[number : number + 2],
        register.instants[number : number + 2],
    )
    return most - least, ends - begins


class _Held:
    """Values that hold from an instant until the next; of several at one, the greatest."""

    def __init__(self, values: Iterable[tuple[int, Exact]]) -> None:
        # The greatest of an instant comes last.
        greatest = dict(sorted(values))
        self.instants = list(greatest)
        self._values = list(greatest.values())

    def at(self, instant: int) -> Exact | None:
        """Return what holds, None before the first."""
        before = bisect_right(self.instants, instant)
        return self._values[before - 1] if before else None

    def first_or_at(self, instant: int) -> Exact | None:
        """Return what holds, before the first the first, None where there is none."""
        return (
            self._values[max(0, bisect_right(self.instants, instant) - 1)] if self._values else None
        )
