"""Sessions over more and more gateways: what each number of them reaches, gathers and costs."""

import statistics
from typing import Any

from bench.cases import CASES, GATEWAYS_CURVE
from bench.unit_costs import PARTS, by_part

Rounds = list[dict[str, Any]]

_LANES = ("MeterValues", "StatusNotification", "Authorize", "StartTransaction")
HEAD = (
    "gateways",
    "msg/s",
    "p50 ms",
    "p99 ms",
    "batches/s",
    *(f"items: {lane}" for lane in _LANES),
    *(f"us: {part}" for part in PARTS),
    "us: driver",
)


def curve_rows(rounds: dict[str, Rounds]) -> list[list[str]]:
    """Return a row of medians for each number of gateways that was measured.

    Batches are what the gateways published, items are those of one such message of the lane, us
    are microseconds of CPU per message of a station. A round without a message has none of these.
    """
    measured = {
        case.gateways: [r for r in rounds.get(case.name, []) if "cpu_us_per_unit" in r]
        for case in CASES
        if case.group == GATEWAYS_CURVE
    }
    return [[str(gateways), *_numbers(found)] for gateways, found in measured.items() if found]


def _numbers(rounds: Rounds) -> list[str]:
    published = [_lanes(result, "per_s") for result in rounds]
    sizes = [_lanes(result, "size") for result in rounds]
    costs = [by_part(result["cpu_us_per_unit"], 1.0) for result in rounds]
    return [
        f"{_median(r['messages_per_s'] for r in rounds):,.0f}",
        f"{_median(r['p50_ms'] for r in rounds):.0f}",
        f"{_median(r['p99_ms'] for r in rounds):.0f}",
        f"{_median(sum(lanes.values()) for lanes in published):.0f}",
        *(f"{_median(lanes.get(lane, 0.0) for lanes in sizes):.1f}" for lane in _LANES),
        *(f"{_median(cost[part] for cost in costs):.0f}" for part in PARTS),
        f"{_median(r['cpu_us_per_unit']['driver'] for r in rounds):.0f}",
    ]


def _lanes(result: dict[str, Any], of: str) -> dict[str, float]:
    """Return a number of each lane of station calls by its action."""
    numbers: dict[str, float] = result["batches"][of]
    return {
        name.partition(".")[2]: number
        for name, number in numbers.items()
        if name.startswith("ocpp")
    }


def _median(numbers: Any) -> float:
    return float(statistics.median(numbers))
