"""A regional blackout's reconnect storm, simulated; `python -m bench.blackout` prints the table.

A fluid model in steps: how many stations try in each step, by their kind and attempt. What the
suite does is what its gateways do (`ws_gateway/websocket/admission_control.py`): an upgrade waits
for its turn at most 5 s, in a queue of at most 5,000 per gateway, and turns come at the rate at
which claims and boots are answered; who has no turn in time gets 503 and comes back as its firmware
pleases. What stations do is read from firmware: 1.6 has no standard back-off, many retry at a
fixed interval and heed no Retry-After; others double their waits, as OCPP 2.0.1 has it
(RetryBackOffWaitMinimum, RetryBackOffRepeatTimes, RetryBackOffRandomRange).
"""

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field

from rich.console import Console

from bench.capacity import FLEETS, Fleet, needs
from bench.markdown import table
from bench.unit_costs import UnitCosts, measured_costs, read_measured

STEP_S = 0.25
LONGEST_S = 3600.0
GATEWAY_UPGRADES_PER_S = 1000.0
GATEWAY_WAITING = 5000
LONGEST_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class BackOff:
    """How long a kind of station waits after a failed attempt: a fixed part and a random one."""

    share: float
    first_wait_s: float
    doublings: int
    random_s: float

    def wait(self, attempt: int) -> tuple[float, float]:
        """Return the shortest and the longest wait after the attempt of a number (from 0)."""
        least = self.first_wait_s * 2 ** min(attempt, self.doublings)
        return least, least + self.random_s


STATIONS = (
    BackOff(share=0.5, first_wait_s=10, doublings=0, random_s=2),
    BackOff(share=0.2, first_wait_s=60, doublings=0, random_s=5),
    BackOff(share=0.3, first_wait_s=10, doublings=5, random_s=20),
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """How the stations of a region come back."""

    name: str
    spread_s: float
    """Within what time all of them try for the first time."""


SCENARIOS = (
    Scenario("power: they start up within a minute", 60.0),
    Scenario("network: all try again within 10 s", 10.0),
)


@dataclass(frozen=True, slots=True)
class Site:
    """What receives them: one cell."""

    gateways: int
    answered_per_s: float
    """Claims with boots that the registry and its database answer."""

    @property
    def pace(self) -> float:
        """Return how many turns come per second."""
        return min(self.gateways * GATEWAY_UPGRADES_PER_S, self.answered_per_s)


@dataclass(slots=True)
class Storm:
    """What happened."""

    stations: float
    connected: list[float] = field(default_factory=list)
    """How many are connected at the end of each step."""
    attempts: float = 0.0
    refused: float = 0.0
    most_waiting: float = 0.0

    def seconds_until(self, share: float) -> float:
        """Return when so many of all were connected; infinite where that never came."""
        for step, connected in enumerate(self.connected):
            if connected >= share * self.stations - 1e-6:
                return (step + 1) * STEP_S
        return math.inf


def simulate(
    stations: int, site: Site, scenario: Scenario, kinds: tuple[BackOff, ...] = STATIONS
) -> Storm:
    """Let so many stations of one cell come back; ends when all are in, or after an hour."""
    storm = Storm(stations)
    due: dict[int, dict[tuple[int, int], float]] = defaultdict(lambda: defaultdict(float))
    for kind, back_off in enumerate(kinds):
        _spread(due, (kind, 0), stations * back_off.share, 0.0, scenario.spread_s)
    waiting: deque[tuple[float, tuple[int, int], float]] = deque()
    held = connected = 0.0
    for step in range(int(LONGEST_S / STEP_S)):
        now = step * STEP_S
        refused: list[tuple[tuple[int, int], float]] = []
        arrivals = due.pop(step, {})
        room = site.gateways * GATEWAY_WAITING - held
        total = sum(arrivals.values())
        fits = min(1.0, room / total) if total > 0 else 1.0
        for who, count in arrivals.items():
            storm.attempts += count
            waiting.append((now, who, count * fits))
            held += count * fits
            refused.append((who, count * (1 - fits)))
        turns = min(site.pace * STEP_S, held)
        connected += turns
        held -= turns
        _take(waiting, turns)
        while waiting and waiting[0][0] <= now - LONGEST_WAIT_S:
            _, who, count = waiting.popleft()
            held -= count
            refused.append((who, count))
        held = max(held, 0.0)
        for (kind, attempt), count in refused:
            if count > 0:
                storm.refused += count
                least, most = kinds[kind].wait(attempt)
                # Waits grow no more after the last doubling: later attempts are alike.
                again = (kind, min(attempt + 1, kinds[kind].doublings))
                _spread(due, again, count, now + STEP_S + least, most - least)
        storm.most_waiting = max(storm.most_waiting, held)
        storm.connected.append(connected)
        if connected >= stations - 1e-6:
            break
    return storm


def _take(waiting: deque[tuple[float, tuple[int, int], float]], turns: float) -> None:
    """Let the first ones in."""
    while turns > 0 and waiting:
        since, who, count = waiting.popleft()
        if count > turns:
            waiting.appendleft((since, who, count - turns))
            return
        turns -= count


def _spread(
    due: dict[int, dict[tuple[int, int], float]],
    who: tuple[int, int],
    count: float,
    begins: float,
    lasts: float,
) -> None:
    """Let so many attempts come evenly over a time."""
    first = int(begins / STEP_S)
    steps = max(int(lasts / STEP_S), 1)
    for step in range(first, first + steps):
        due[step][who] += count / steps


def storm_table(costs: UnitCosts, fleet: Fleet) -> str:
    """Write the storms of each fleet's cells, in Markdown.

    Claims are answered as fast as on the benchmark's two cores, whatever the fleet: a cell's real
    registry and database have more.
    """
    layouts = [(stations, needs(stations, costs, fleet)) for stations in FLEETS]
    head = ["stations", "cells", "gateways of a cell", "how they return", "half are in"]
    head += ["99 % are in", "all are in", "attempts of a station", "most waiting in a cell"]
    rows = []
    for stations, needed in layouts:
        gateways = needed.gateways // needed.cells
        for scenario in SCENARIOS:
            site = Site(gateways, costs.connects_per_s)
            storm = simulate(stations // needed.cells, site, scenario)
            rows.append(
                [
                    f"{stations:,}",
                    f"{needed.cells}",
                    f"{gateways}",
                    scenario.name,
                    *(f"{storm.seconds_until(share):,.0f} s" for share in (0.5, 0.99, 1.0)),
                    f"{storm.attempts / storm.stations:.1f}",
                    f"{storm.most_waiting:,.0f}",
                ]
            )
    return table(head, rows)


if __name__ == "__main__":
    Console(width=250).print(
        storm_table(measured_costs(read_measured()), Fleet()), markup=False, highlight=False
    )
