"""The engine of costs beside its oracle: the same generated cases, priced by both to the same sum.

A difference is settled by the words of OCPI and written down in docs/billing.md and in the
oracle's README; `explained` of the oracle shows what applied when.
"""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import sched_getaffinity

import pytest

from tests.models.billing_comparison import (
    Difference,
    differences_on_reservations,
    differences_on_sessions,
)

CHUNK = 1000
# Of ten cases nine are sessions, and one a reservation.
CASES = int(os.environ.get("COST_CASES", "100000"))
Compared = Callable[[range], list[Difference]]


def told(differences: list[Difference]) -> str:
    """Tell the first differences, and how many there are."""
    return "\n".join([f"{len(differences)} differ", *map(str, differences[:5])])


def test_two_thousand_sessions_and_reservations_cost_what_the_oracle_says() -> None:
    differences = [
        *differences_on_sessions(range(1700)),
        *differences_on_reservations(range(300)),
    ]
    assert not differences, told(differences)


@pytest.mark.long
@pytest.mark.parametrize(
    ("compared", "cases"),
    [(differences_on_sessions, CASES * 9 // 10), (differences_on_reservations, CASES // 10)],
)
def test_many_more_cost_what_the_oracle_says(compared: Compared, cases: int) -> None:
    chunks = [range(first, min(first + CHUNK, cases)) for first in range(0, cases, CHUNK)]
    with ProcessPoolExecutor(len(sched_getaffinity(0)), get_context("spawn")) as processes:
        differences = [one for found in processes.map(compared, chunks) for one in found]
    assert not differences, told(differences)
