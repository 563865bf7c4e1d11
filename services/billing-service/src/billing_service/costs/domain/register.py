"""What the register of a session showed at every instant: the one place that says which readings
count.

1. What can't be right is dropped: a reading from before the start or after the stop, below what
   the register showed at the start, or above what it showed at the stop. A stop below the start
   can't be right either.
2. Of what is left, the register's highest counts. Of readings at one instant, the highest. One
   below an earlier one is dropped: registers do not fall. Where no stop counts, the highest
   reading is what the session ended with.

So the energy paid is that of the transaction wherever that is not negative; readings only say when
it flowed. Between two of them it flows evenly.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction

from billing_service.costs.domain.exact import Exact
from billing_service.costs.domain.facts import ReservationFacts, SessionFacts, microseconds


@dataclass(frozen=True, slots=True)
class Register:
    """Wh since the start, at instants from start to end; straight lines between them."""

    instants: tuple[int, ...]
    energies: tuple[Exact, ...]

    @property
    def begins(self) -> int:
        """The start, in microseconds."""
        return self.instants[0]

    @property
    def ends(self) -> int:
        """The stop, in microseconds; never before the start."""
        return self.instants[-1]

    @property
    def total(self) -> Exact:
        """All energy, in Wh."""
        return self.energies[-1]

    def at(self, instant: Exact) -> Exact:
        """Return the energy until an instant of the session."""
        after = bisect_right(self.instants, instant)
        if after == len(self.instants):
            return self.total
        begins, ends = self.instants[after - 1], self.instants[after]
        least, most = self.energies[after - 1], self.energies[after]
        if begins == instant or least == most:
            return least
        return least + (most - least) * Fraction(instant - begins, ends - begins)

    def reached(self, energy: Exact) -> Exact:
        """Return when the energy was this much, for the first time; it is more than none."""
        after = bisect_left(self.energies, energy)
        begins, ends = self.instants[after - 1], self.instants[after]
        least, most = self.energies[after - 1], self.energies[after]
        instant = begins + (ends - begins) * Fraction(energy - least, most - least)
        return int(instant) if instant.denominator == 1 else instant


def session_register(facts: SessionFacts) -> Register:
    """Return the register of a session, by the rules above."""
    begins, ends = microseconds(facts.started_at), microseconds(facts.stopped_at)
    ends = max(begins, ends)
    start, stop = facts.meter_start_wh, facts.meter_stop_wh
    possible = {
        (instant, reading.energy_wh)
        for reading in facts.readings
        if begins <= (instant := microseconds(reading.at)) <= ends and reading.energy_wh >= start
    }
    if stop is None or stop < start:
        stop = max((energy for _, energy in possible), default=start)
    instants, energies = [begins], [start]
    for instant, energy in sorted(possible):
        if not begins < instant < ends or not energies[-1] <= energy <= stop:
            continue
        if instants[-1] == instant:
            energies[-1] = energy
        else:
            instants.append(instant)
            energies.append(energy)
    return Register((*instants, ends), tuple(energy - start for energy in (*energies, stop)))


def reservation_register(facts: ReservationFacts) -> Register:
    """Return the register of a reservation: nothing flows."""
    begins, ends = microseconds(facts.reserved_at), microseconds(facts.ended_at)
    return Register((begins, max(begins, ends)), (0, 0))
