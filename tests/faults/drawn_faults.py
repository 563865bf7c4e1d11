"""Faults drawn from a seed: the same seed draws the same faults, whatever becomes of them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from csms_shared.broker.topology import (
    SESSION_SERVICE,
    STATION_REGISTRY,
    decisions_queue,
    reports_queue,
)
from tests.faults.broker_faults import BROKER
from tests.faults.database_faults import DATABASE
from tests.faults.faulty_suite import GATEWAYS, OWN_SERVICES, PROCESSES

ALL = "all"
"""What a fault occupies that no other may accompany."""

_WORK_QUEUES = tuple(
    queue(service).name
    for service in (SESSION_SERVICE, STATION_REGISTRY)
    for queue in (reports_queue, decisions_queue)
)
_TABLES = (
    "registry.station_connection",
    "session.transaction",
    "session.meter_value",
    "session.outbox",
    "command.commands",
    "integration.event_head",
)
_AT_ONCE = (0.0, 0.0)
# Commands have to end in time (I4), so what ends them is never away for longer than this.
_LASTING = (2.0, 15.0)
# Both sides of a gateway's lease of 20 s.
_AROUND_LEASE = (5.0, 30.0)
_LONGEST_PAUSE_S = 5.0
_TWO_AT_ONCE = 0.3


@dataclass(frozen=True, slots=True)
class Kind:
    """A fault with those that it can befall, and the least and most seconds that it lasts.

    Two faults come at once only where they occupy different parts: its target's, if none is named.
    """

    name: str
    targets: tuple[str, ...]
    seconds: tuple[float, float]
    occupies: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as it was drawn."""

    kind: str
    target: str
    seconds: float
    occupies: str

    def __str__(self) -> str:
        lasting = f" for {self.seconds} s" if self.seconds else ""
        return f"{self.target} {self.kind}{lasting}"


@dataclass(frozen=True, slots=True)
class Round:
    """Faults that come at the same time, after a pause of so many seconds."""

    pause: float
    faults: tuple[Fault, ...]


KINDS = (
    Kind("killed", PROCESSES, _AT_ONCE),
    Kind("terminated", PROCESSES, _AT_ONCE),
    Kind("down", OWN_SERVICES, _LASTING),
    Kind("down", GATEWAYS, _AROUND_LEASE),
    Kind("stands still", OWN_SERVICES, _LASTING),
    Kind("stands still", GATEWAYS, _AROUND_LEASE),
    Kind("cut off from broker", PROCESSES, _LASTING),
    Kind("half-open to broker", PROCESSES, _LASTING),
    Kind("slow to broker", PROCESSES, _LASTING),
    Kind("cut off from database", OWN_SERVICES, _LASTING),
    Kind("half-open to database", OWN_SERVICES, _LASTING),
    Kind("with slow commits", OWN_SERVICES, _LASTING),
    Kind("down", (BROKER, DATABASE), _LASTING),
    Kind("stopped in good order", (BROKER,), _AT_ONCE),
    Kind("stands still", (BROKER,), _LASTING),
    Kind("short of memory", (BROKER,), _LASTING),
    Kind("short of disk", (BROKER,), _LASTING),
    Kind("closes all connections", (BROKER,), _AT_ONCE),
    Kind("ends all sessions", (DATABASE,), _AT_ONCE),
    Kind("deadlocks", (DATABASE,), _LASTING),
    Kind("fails to serialize", (DATABASE,), _LASTING),
    Kind("full", (DATABASE,), _LASTING),
    Kind("locked", _TABLES, _LASTING, DATABASE),
    Kind("deleted", _WORK_QUEUES, _AT_ONCE, ALL),
    Kind("loses its own queues", (*GATEWAYS, "command-api"), _AT_ONCE, ALL),
    Kind("come again", ("calls", "reports"), _LASTING, BROKER),
)


# What the soak does not draw: its seeds go on drawing what they drew.
KINDS_OF_PAIRS = (
    *(kind for kind in KINDS if kind.occupies != ALL),
    Kind("with a clock ahead", (*GATEWAYS, SESSION_SERVICE, STATION_REGISTRY), _LASTING),
    Kind("hostile", ("sockets",), _AT_ONCE),
)


def draw_pairs(seed: int) -> Iterator[Round]:
    """Draw two faults at once without end, each kind once before any comes again.

    A kind that fits no other is left to the next turn of all.
    """
    drawing = random.Random(seed)
    while True:
        left = [
            _drawn(kind, drawing) for kind in drawing.sample(KINDS_OF_PAIRS, len(KINDS_OF_PAIRS))
        ]
        while left:
            first = left.pop(0)
            fitting = [second for second in left if second.occupies != first.occupies]
            if fitting:
                left.remove(fitting[0])
                yield Round(0.0, (first, fitting[0]))


def draw_rounds(seed: int) -> Iterator[Round]:
    """Draw rounds without end, each kind once before any comes again."""
    drawing = random.Random(seed)
    left: list[Kind] = []
    while True:
        if not left:
            left = drawing.sample(KINDS, len(KINDS))
        faults = [_drawn(left.pop(0), drawing)]
        if left and drawing.random() < _TWO_AT_ONCE:
            second = _drawn(left[0], drawing)
            occupied = {faults[0].occupies, second.occupies}
            if len(occupied) == 2 and ALL not in occupied:
                del left[0]
                faults.append(second)
        yield Round(round(drawing.uniform(0, _LONGEST_PAUSE_S), 1), tuple(faults))


def _drawn(kind: Kind, drawing: random.Random) -> Fault:
    target = drawing.choice(kind.targets)
    return Fault(
        kind.name, target, round(drawing.uniform(*kind.seconds), 1), kind.occupies or target
    )
