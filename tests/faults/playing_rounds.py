"""Rounds of drawn faults, played one after the other, and what is checked after them."""

import asyncio
import math
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from tests.faults.drawn_faults import Round
from tests.faults.injecting import inject
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths

SEED = "FAULT_SEED"
# Drained and checked so often that what is found lies among few faults.
ROUNDS_PER_CHECK = 10
_STATIONS = 12


async def play_rounds(
    suite: SuiteOnPaths,
    fault: str,
    seed: int,
    rounds: Iterator[tuple[int, Round]],
    ends_at: float = math.inf,
) -> None:
    """Play numbered rounds, until the loop's time is `ends_at`; then drain and check.

    After each, all must be well within 60 s, before the next comes.
    """
    async with Scenario(fault, f"seed {seed}", suite, stations=_STATIONS) as scenario:
        for number, drawn in rounds:
            await scenario.fleet.progress(4)
            await asyncio.sleep(drawn.pause)
            say(f"{fault} {number}: {' and '.join(map(str, drawn.faults))}")
            async with asyncio.TaskGroup() as group:
                for one in drawn.faults:
                    group.create_task(inject(suite, one))
            say(f"{fault} {number}: recovered in {await scenario.recovered():.1f} s")
            if scenario.violations or asyncio.get_running_loop().time() >= ends_at:
                break
        scenario.counts.title += f", rounds to {number}"
    say(f"{fault}: all invariants held up to round {number}")


def say(text: str) -> None:
    """Tell whoever watches, past what pytest keeps."""
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")
    sys.stdout.flush()
