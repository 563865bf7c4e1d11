"""Faults of every kind, drawn from a seed, one after the other and sometimes two at once.

`FAULT_SEED` repeats the faults of an earlier run, `FAULT_SOAK_SECONDS` sets how long it goes on.
What stations and operators do in between is not drawn from the seed.
"""

import asyncio
import os
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

import pytest

from tests.faults.drawn_faults import Round, draw_rounds
from tests.faults.injecting import inject
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths

SEED = "FAULT_SEED"
SECONDS = "FAULT_SOAK_SECONDS"
# Drained and checked so often that what is found lies among few faults.
_ROUNDS_PER_CHECK = 10
_STATIONS = 12
# Its first round found that an abandoned channel held its connection up; docs/reliability.md.
_FOUND_SOMETHING = 3


async def test_a_soak_of_drawn_faults_breaks_no_promise(
    suite: SuiteOnPaths, scale: Scale, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get(SEED) or scale.pick(_FOUND_SOMETHING, random.getrandbits(32)))
    seconds = float(os.environ.get(SECONDS) or scale.pick(60, 1800))
    ends_at = asyncio.get_running_loop().time() + seconds
    with capsys.disabled():
        _say(f"seed {seed}, {seconds:.0f} s ({SEED}={seed} draws the same faults)")
        rounds = enumerate(draw_rounds(seed), start=1)
        while asyncio.get_running_loop().time() < ends_at:
            await _until_checked(suite, seed, islice(rounds, _ROUNDS_PER_CHECK), ends_at)


async def _until_checked(
    suite: SuiteOnPaths, seed: int, rounds: Iterator[tuple[int, Round]], ends_at: float
) -> None:
    async with Scenario("soak", f"seed {seed}", suite, stations=_STATIONS) as scenario:
        for number, drawn in rounds:
            await scenario.fleet.progress(4)
            await asyncio.sleep(drawn.pause)
            _say(f"{number}: {' and '.join(map(str, drawn.faults))}")
            async with asyncio.TaskGroup() as group:
                for fault in drawn.faults:
                    group.create_task(inject(suite, fault))
            _say(f"{number}: recovered in {await scenario.recovered():.1f} s")
            if scenario.violations or asyncio.get_running_loop().time() >= ends_at:
                break
        scenario.counts.title += f", rounds to {number}"
    _say(f"all nine invariants held up to round {number}")


def _say(text: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} soak {text}\n")
    sys.stdout.flush()
