"""What one party's trouble costs everybody else, as ratios within each round."""

import statistics
from collections.abc import Sequence
from typing import Any

from bench.fairness import KINDS
from bench.troubles import Trouble

TARGET = 1.5
HEAD = (
    "in trouble",
    "everybody else's",
    "p50 ms without",
    "p50 ms beside it",
    "p99 ms without",
    "p99 ms beside it",
    "ratio of p99",
    "target",
    "",
)

Rounds = Sequence[dict[str, Any]]


def fairness_rows(rounds: Rounds) -> list[list[str]]:
    """Return a row for each trouble and kind: medians of the rounds, and of the rounds' ratios."""
    return [
        [
            trouble.value,
            kind,
            *(
                f"{statistics.median(_took(one, who, kind, key) for one in rounds):.1f}"
                for key in ("p50_ms", "p99_ms")
                for who in (Trouble.NOBODY, trouble)
            ),
            f"{(ratio := ratio_of(rounds, trouble, kind)):.2f}",
            f"<= {TARGET:g}",
            "reached" if ratio <= TARGET else "MISSED",
        ]
        for trouble in Trouble
        if rounds and trouble is not Trouble.NOBODY
        for kind in KINDS
    ]


def ratio_of(rounds: Rounds, trouble: Trouble, kind: str) -> float:
    """Return the median of what the p99 beside a trouble is to that without, round by round."""
    return statistics.median(
        _took(one, trouble, kind, "p99_ms") / _took(one, Trouble.NOBODY, kind, "p99_ms")
        for one in rounds
    )


def unfair(rounds: Rounds) -> float:
    """Count the rows that miss the target."""
    return sum(
        ratio_of(rounds, trouble, kind) > TARGET
        for trouble in Trouble
        if trouble is not Trouble.NOBODY
        for kind in KINDS
    )


def _took(result: dict[str, Any], trouble: Trouble, kind: str, key: str) -> float:
    return float(result["halves"][trouble.value][kind][key])
