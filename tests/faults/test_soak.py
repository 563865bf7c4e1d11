"""Faults of every kind, drawn from a seed, one after the other and sometimes two at once.

`FAULT_SEED` repeats the faults of an earlier run, `FAULT_SOAK_SECONDS` sets how long it goes on.
What stations and operators do in between is not drawn from the seed.
"""

import asyncio
import os
import random
from itertools import islice

import pytest

from tests.faults.drawn_faults import draw_rounds
from tests.faults.playing_rounds import ROUNDS_PER_CHECK, SEED, play_rounds, say
from tests.faults.scale import Scale
from tests.faults.suite_on_paths import SuiteOnPaths

SECONDS = "FAULT_SOAK_SECONDS"
# Its first round found that an abandoned channel held its connection up (test_abandoned_channels).
_FOUND_SOMETHING = 3


async def test_a_soak_of_drawn_faults_breaks_no_promise(
    suite: SuiteOnPaths, scale: Scale, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get(SEED) or scale.pick(_FOUND_SOMETHING, random.getrandbits(32)))
    seconds = float(os.environ.get(SECONDS) or scale.pick(60, 1800))
    ends_at = asyncio.get_running_loop().time() + seconds
    with capsys.disabled():
        say(f"soak: seed {seed}, {seconds:.0f} s ({SEED}={seed} draws the same faults)")
        rounds = enumerate(draw_rounds(seed), start=1)
        while asyncio.get_running_loop().time() < ends_at:
            await play_rounds(suite, "soak", seed, islice(rounds, ROUNDS_PER_CHECK), ends_at)
