"""Medians over the rounds, the tables, and the JSON file."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from bench.fairness_table import HEAD as FAIRNESS_HEAD
from bench.fairness_table import fairness_rows
from bench.gateways_curve import HEAD, curve_rows
from bench.lines import LINES, Line

Results = dict[str, dict[str, list[dict[str, Any]]]]
"""By system and case, the result of each round."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A line's medians and whether its targets are reached (None: it has none)."""

    suite: float
    baseline: float | None
    targets: str
    reached: bool | None

    @property
    def ratio(self) -> float | None:
        """Return the suite's median over the baseline's."""
        # Beside next to nothing every ratio is huge and says nothing.
        comparable = self.baseline is not None and self.baseline > 0.001
        return self.suite / self.baseline if self.baseline and comparable else None


def judge(line: Line, results: Results, *, quick: bool) -> Judged:
    """Compare a line's medians with its targets; a quick run is too small to be judged."""
    suite = line.of_rounds(results["suite"][line.case])
    baseline_rounds = results["baseline"].get(line.case)
    baseline = line.of_rounds(baseline_rounds) if baseline_rounds else None
    ratio = Judged(suite, baseline, "", None).ratio
    targets, verdicts = [], []
    target = line.target
    if line.relative_to is not None and target is not None:
        reference = results["suite"].get(line.relative_to)
        target = target * line.of_rounds(reference) if reference else None
    if target is not None:
        targets.append(f"{'>=' if line.more_is_better else '<='} {number_text(target)}")
        verdicts.append(suite >= target if line.more_is_better else suite <= target)
    if line.ratio_target is not None:
        targets.append(f"{line.ratio_target:g}x")
        verdicts.append(ratio is not None and ratio >= line.ratio_target)
    reached = all(verdicts) if verdicts and not quick else None
    return Judged(suite, baseline, ", ".join(targets), reached)


def print_tables(results: Results, console: Console, *, quick: bool) -> None:
    """Print the medians beside the targets, then the CPU time by process."""
    table = Table(
        title="medians; fsync on; driver, broker, database and system on this machine"
        + ("; too small to judge" if quick else "")
    )
    for name in ("measure", "suite", "baseline", "ratio", "target", ""):
        table.add_column(name, justify="left" if name == "measure" else "right")
    for line in LINES:
        if line.case in results["suite"]:
            table.add_row(*row(line, judge(line, results, quick=quick)))
    console.print(table)
    if rows := curve_rows(results["suite"]):
        console.print(_plain_table("sessions over more and more gateways", HEAD, rows))
    if rows := fairness_rows(results["suite"].get("fairness", [])):
        title = "everybody else beside one party in trouble"
        console.print(_plain_table(title, FAIRNESS_HEAD, rows))
    for system, cases in results.items():
        if with_costs := _with_costs(cases):
            console.print(_cost_table(system, with_costs))


def _plain_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title)
    for name in head:
        table.add_column(name, justify="right")
    for cells in rows:
        table.add_row(*cells)
    return table


def row_title(line: Line) -> str:
    """Write what a line measures, and in what."""
    return f"{line.title} ({line.unit})" if line.unit else line.title


def row(line: Line, judged: Judged) -> tuple[str, ...]:
    """Write a line of the table."""
    return (
        row_title(line),
        number_text(judged.suite),
        "" if judged.baseline is None else number_text(judged.baseline),
        "" if judged.ratio is None else f"{judged.ratio:.2f}",
        judged.targets,
        "" if judged.reached is None else "reached" if judged.reached else "MISSED",
    )


def _with_costs(cases: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    found = {case: [r for r in rounds if "cpu_us_per_unit" in r] for case, rounds in cases.items()}
    return {case: rounds for case, rounds in found.items() if rounds}


def _cost_table(system: str, measured: dict[str, list[dict[str, Any]]]) -> Table:
    """Show what a message, a station or a command costs each process, and its memory."""
    table = Table(title=f"{system}: CPU in us per message, station or command; memory in MB")
    table.add_column("process")
    for case in measured:
        table.add_column(case, justify="right")
    table.add_column("most memory", justify="right")
    processes = list(dict.fromkeys(name for r in measured.values() for name in r[-1]["cpu_share"]))
    for name in processes:
        all_rounds = [r for rounds in measured.values() for r in rounds]
        memory = max(r["memory_mb"][name] for r in all_rounds if name in r["memory_mb"])
        table.add_row(
            name,
            # Cases with suites of their own have other processes, such as more gateways.
            *(
                number_text(_cost(rounds, name)) if name in rounds[-1]["cpu_share"] else ""
                for rounds in measured.values()
            ),
            number_text(memory),
        )
    total = (sum(_cost(rounds, n) for n in rounds[-1]["cpu_share"]) for rounds in measured.values())
    table.add_row("all", *(number_text(cost) for cost in total), "", style="bold")
    return table


def _cost(rounds: list[dict[str, Any]], name: str) -> float:
    return float(statistics.median(result["cpu_us_per_unit"][name] for result in rounds))


def write_json(results: Results, settings: dict[str, Any], folder: Path) -> Path:
    """Write every round, the medians, and which targets were reached."""
    folder.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = folder / f"{now:%Y%m%dT%H%M%SZ}.json"
    medians = {
        system: {
            f"{line.case}: {line.title} ({line.unit})": line.of_rounds(cases[line.case])
            for line in LINES
            if line.case in cases
        }
        for system, cases in results.items()
    }
    judged = {
        f"{line.case}: {line.title} ({line.unit})": {"target": j.targets, "reached": j.reached}
        for line in LINES
        if line.case in results["suite"]
        for j in [judge(line, results, quick=settings["quick"])]
        if j.targets
    }
    content = {
        "at": now,
        "settings": settings,
        "medians": medians,
        "judged": judged,
        "rounds": results,
    }
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
    return path


def differences(results: Results) -> list[str]:
    """List everything that was lost, doubled or went wrong, in any round."""
    return [
        f"{system}, {case}, round {number}: {text}"
        for system, cases in results.items()
        for case, rounds in cases.items()
        for number, result in enumerate(rounds, 1)
        for text in result["differences"]
    ]


def number_text(number: float) -> str:
    """Write a number as short as its size allows."""
    return f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:.2f}"
