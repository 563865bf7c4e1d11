"""N10: two faults at once, on different parts, drawn from a seed.

`FAULT_SEED` repeats the pairs of an earlier run, `FAULT_PAIRS` sets how many there are. What
stations and operators do in between is not drawn from the seed.
"""

import os
import random
from itertools import islice

import pytest

from tests.faults.drawn_faults import draw_pairs
from tests.faults.playing_rounds import ROUNDS_PER_CHECK, SEED, play_rounds, say
from tests.faults.scale import Scale
from tests.faults.suite_on_paths import SuiteOnPaths

PAIRS = "FAULT_PAIRS"
# Its first two: command-api and session-service lose a node each, a gateway and the database end.
_OF_OUTAGES = 4


@pytest.mark.in_subset
async def test_two_faults_at_once_break_no_promise(
    suite: SuiteOnPaths, scale: Scale, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get(SEED) or scale.pick(_OF_OUTAGES, random.getrandbits(32)))
    pairs = int(os.environ.get(PAIRS) or scale.pick(2, 60))
    with capsys.disabled():
        say(f"N10: seed {seed}, {pairs} pairs ({SEED}={seed} draws the same faults)")
        rounds = enumerate(islice(draw_pairs(seed), pairs), start=1)
        for _ in range(0, pairs, ROUNDS_PER_CHECK):
            await play_rounds(suite, "N10", seed, islice(rounds, ROUNDS_PER_CHECK))
