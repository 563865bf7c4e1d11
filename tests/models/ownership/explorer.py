"""All interleavings of a small world, breadth first: the first violation has a shortest trace."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.models.ownership.properties import (
    Violated,
    check_convergence,
    check_state,
    check_step,
)
from tests.models.ownership.state import Allowed, Rules, World, new_world
from tests.models.ownership.world import calm, steps


@dataclass(slots=True)
class Explored:
    """How much was looked at, and the first violation with what led to it."""

    states: int
    steps: int
    violation: str = ""
    trace: list[str] = field(default_factory=list)


class TooManyStates(Exception):
    """The world is larger than what may be explored."""


def explore(allowed: Allowed, rules: Rules, most: int = 1_000_000) -> Explored:
    """Visit every state that can be reached, until one violates a property.

    Raises:
        TooManyStates: there are more than `most`.
    """
    start = new_world(allowed)
    reached: dict[World, tuple[World, str] | None] = {start: None}
    converging: set[World] = set()
    layer, taken = [start], 0
    while layer:
        following: list[World] = []
        for world in layer:
            for label, after in steps(world, rules):
                taken += 1
                known = after in reached
                if not known:
                    reached[after] = (world, label)
                    following.append(after)
                try:
                    check_step(world, label, after)
                    if not known:
                        check_state(after)
                        _check_convergence_once(after, rules, converging)
                except Violated as violated:
                    trace = [*_trace(reached, world), label]
                    return Explored(len(reached), taken, str(violated), trace)
        if len(reached) > most:
            raise TooManyStates(f"more than {most} states")
        layer = following
    return Explored(len(reached), taken)


def _check_convergence_once(world: World, rules: Rules, converging: set[World]) -> None:
    # Many worlds are the same once everything has arrived.
    calmed = calm(world, rules)
    if calmed not in converging:
        check_convergence(calmed, rules)
        converging.add(calmed)


def _trace(reached: dict[World, tuple[World, str] | None], world: World) -> list[str]:
    def backwards() -> Iterator[str]:
        at = world
        while (came := reached[at]) is not None:
            at, label = came
            yield label

    return list(backwards())[::-1]


# One kind of trouble beside another, each as large as can be looked at in a few seconds.
SMALL_SCOPES = {
    "three connections": Allowed(connections=3),
    "a crash": Allowed(connections=2, crashes=1, impatience=1),
    "losses": Allowed(connections=2, losses=2, impatience=1),
    "duplicates": Allowed(connections=2, duplicates=2),
    "an end of a lease": Allowed(connections=2, asks=1, ends_of_leases=1),
    "a lease of grace": Allowed(connections=1, asks=3, ends_of_leases=1, graces=1, losses=1),
    "a new incarnation": Allowed(connections=2, asks=1, new_incarnations=1),
    "an end of a lease and a duplicate": Allowed(
        connections=1, asks=2, ends_of_leases=1, duplicates=1
    ),
    "a new incarnation and a duplicate": Allowed(
        connections=1, asks=2, new_incarnations=1, duplicates=1
    ),
}
# For a run by hand: minutes.
LARGE_SCOPES = {
    "three connections, duplicates and a loss": Allowed(connections=3, duplicates=1, losses=1),
    "a crash and an end of a lease": Allowed(connections=2, asks=1, crashes=1, ends_of_leases=1),
    "two ends of leases": Allowed(connections=2, asks=2, ends_of_leases=2),
    "a loss and a new incarnation": Allowed(
        connections=2, asks=1, losses=1, new_incarnations=1, impatience=1
    ),
}


def main() -> None:
    """Explore everything, and print how much that was."""
    for name, allowed in (SMALL_SCOPES | LARGE_SCOPES).items():
        started = time.monotonic()
        found = explore(allowed, Rules(), most=5_000_000)
        took = time.monotonic() - started
        print(  # noqa: T201 - a command-line program prints
            f"{name}: {found.states} states, {found.steps} steps, {took:.0f} s", flush=True
        )
        if found.violation:
            raise SystemExit("\n  ".join([*found.trace, found.violation]))


if __name__ == "__main__":
    main()
