"""Medians over the rounds, the table, and the JSON file."""

import operator
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from bench.driver.plan import Load

Results = dict[str, dict[Load, list[dict[str, Any]]]]
"""By system and load, the result of each round."""


@dataclass(frozen=True, slots=True)
class Line:
    """One number of the table."""

    load: Load
    title: str
    unit: str
    number: Callable[[dict[str, Any]], float]
    target: float | None = None
    more_is_better: bool = False
    ratio_target: float | None = None


LINES = (
    Line(
        "sessions",
        "closed loop of sessions",
        "msg/s",
        operator.itemgetter("messages_per_s"),
        target=2000,
        more_is_better=True,
        ratio_target=2,
    ),
    Line("sessions", "- p50 in it", "ms", operator.itemgetter("p50_ms")),
    Line("sessions", "- p99 in it", "ms", operator.itemgetter("p99_ms")),
    Line("sessions", "- last rows stored after", "s", operator.itemgetter("settled_s")),
    Line("light", "light load p50", "ms", operator.itemgetter("p50_ms"), target=5),
    Line("light", "light load p99", "ms", operator.itemgetter("p99_ms"), target=20),
    Line(
        "connect",
        "connect + boot",
        "stations/s",
        operator.itemgetter("stations_per_s"),
        target=500,
        more_is_better=True,
    ),
    Line("connect", "- refused", "", lambda r: sum(r["refused"].values()), target=0),
    Line("commands", "command p50", "ms", operator.itemgetter("p50_ms"), target=8),
    Line(
        "commands",
        "commands, 20 in flight",
        "/s",
        operator.itemgetter("commands_per_s"),
        target=400,
        more_is_better=True,
    ),
    Line(
        "idle",
        "memory per idle connection",
        "KB",
        lambda r: float(r["bytes_per_connection"]) / 1000,
        target=25,
    ),
)


def print_table(results: Results, console: Console) -> None:
    """Print the medians beside the targets, then the CPU time per message."""
    table = Table(title="medians; fsync on; driver, broker, database and system on this machine")
    for name in ("measure", "suite", "baseline", "ratio", "target", ""):
        table.add_column(name, justify="left" if name == "measure" else "right")
    for line in LINES:
        if line.load in results["suite"]:
            table.add_row(*_row(line, results))
    console.print(table)
    for system, loads in results.items():
        for round_result in loads.get("sessions", [])[-1:]:
            costs = round_result["cpu_us_per_message"]
            console.print(
                f"{system}, CPU per message and memory in the last round:", highlight=False
            )
            for name, cost in sorted(costs.items(), key=operator.itemgetter(1), reverse=True):
                memory = round_result["memory_mb"][name]
                console.print(f"  {name:<26}{cost:8.0f} us {memory:8.0f} MB", highlight=False)


def write_json(results: Results, settings: dict[str, Any], folder: Path) -> Path:
    """Write every round and the medians."""
    folder.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = folder / f"{now:%Y%m%dT%H%M%SZ}.json"
    medians = {
        system: {
            f"{line.load}: {line.title} ({line.unit})": _median(line, loads[line.load])
            for line in LINES
            if line.load in loads
        }
        for system, loads in results.items()
    }
    content = {"at": now, "settings": settings, "medians": medians, "rounds": results}
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
    return path


def differences(results: Results) -> list[str]:
    """List everything that was lost, doubled or went wrong, in any round."""
    return [
        f"{system}, {load}, round {number}: {text}"
        for system, loads in results.items()
        for load, rounds in loads.items()
        for number, result in enumerate(rounds, 1)
        for text in result["differences"]
    ]


def _row(line: Line, results: Results) -> tuple[str, ...]:
    suite = _median(line, results["suite"][line.load])
    baseline = _median(line, results["baseline"][line.load])
    ratio = suite / baseline if baseline else None
    targets = []
    missed = False
    if line.target is not None:
        targets.append(f"{'>=' if line.more_is_better else '<='} {line.target:g}")
        missed = suite < line.target if line.more_is_better else suite > line.target
    if line.ratio_target is not None:
        targets.append(f"{line.ratio_target:g}x")
        missed = missed or ratio is None or ratio < line.ratio_target
    return (
        f"{line.title} ({line.unit})" if line.unit else line.title,
        _text(suite),
        _text(baseline),
        "" if ratio is None else f"{ratio:.2f}",
        ", ".join(targets),
        ("MISSED" if missed else "reached") if targets else "",
    )


def _median(line: Line, rounds: list[dict[str, Any]]) -> float:
    return statistics.median(line.number(result) for result in rounds)


def _text(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:.2f}"
