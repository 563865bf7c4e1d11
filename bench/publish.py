"""`python -m bench.publish RESULTS.json ...`: make runs the ones that the documentation speaks of.

Writes `measured.json` and the generated parts of docs/capacity.md. Of several runs, a later one's
cases replace those of an earlier one, and what none of them measured stays as it was published.
Without a file, only the parts are written anew.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from bench.blackout import storm_table
from bench.capacity import Fleet, needs_table
from bench.fairness_table import HEAD as FAIRNESS_HEAD
from bench.fairness_table import fairness_rows
from bench.gateways_curve import HEAD, curve_rows
from bench.lines import LINES
from bench.markdown import table
from bench.report import Results, judge, number_text, row, row_title
from bench.unit_costs import MEASURED, PARTS, UnitCosts, measured_costs, read_measured, unit_costs

PAGE = Path(__file__).parent.parent / "docs" / "capacity.md"


def main() -> None:
    """Publish the runs that are named."""
    if len(sys.argv) > 1:
        runs = [orjson.loads(Path(name).read_bytes()) for name in sys.argv[1:]]
        content = orjson.dumps(measured(runs, read_measured()), option=orjson.OPT_INDENT_2)
        MEASURED.write_bytes(content + b"\n")
    PAGE.write_text(with_parts(PAGE.read_text(), generated_parts(read_measured())))


def measured(runs: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
    """Join runs and what was published before; keep what the documentation needs.

    A case that is judged by another one's figure needs both in the runs.

    Raises:
        ValueError: a run was a quick one.
    """
    if any(run["settings"]["quick"] for run in runs):
        raise ValueError("a quick run is too small to speak of")
    results: Results = {"suite": {}, "baseline": {}}
    cases = dict(before["cases"])
    for run in runs:
        for system, rounds in results.items():
            rounds.update(run["rounds"][system])
        for case, rounds in run["rounds"]["suite"].items():
            cases[case] = {"on": run["at"][:10], "rounds": len(rounds)}
    rows = {(case, published[0]): published for case, *published in before["table"]}
    table = []
    for line in LINES:
        if line.case in results["suite"]:
            table.append([line.case, *row(line, judge(line, results, quick=False))])
        elif kept := rows.get((line.case, row_title(line))):
            table.append([line.case, *kept])
    curve = {row[0]: row for row in [*before["gateways"], *curve_rows(results["suite"])]}
    return {
        "cases": cases,
        "table": table,
        "gateways": sorted(curve.values(), key=lambda row: int(row[0])),
        "fairness": fairness_rows(results["suite"].get("fairness", [])) or before["fairness"],
        "unit_costs": before["unit_costs"] | unit_costs(results["suite"]),
    }


def generated_parts(published: dict[str, Any]) -> dict[str, str]:
    """Return the generated parts of the page by their names."""
    costs = measured_costs(published)
    head = ["measure", "suite", "baseline", "ratio", "target", ""]
    days: dict[str, list[str]] = {}
    for case, measured_case in published["cases"].items():
        days.setdefault(measured_case["on"], []).append(f"{case} {measured_case['rounds']}")
    said = "".join(f"Measured {day}, rounds: {', '.join(of)}.\n\n" for day, of in days.items())
    return {
        "measured": said + table(head, [published_row for _, *published_row in published["table"]]),
        "gateways": _table_or_none(HEAD, published["gateways"]),
        "fairness": _table_or_none(FAIRNESS_HEAD, published["fairness"]),
        "costs": _costs_table(costs),
        "needs": needs_table(costs, Fleet()),
        "storms": storm_table(costs, Fleet()),
    }


def with_parts(page: str, parts: dict[str, str]) -> str:
    """Put each part between its two marks."""
    for name, text in parts.items():
        begin, end = f"<!-- {name}: python -m bench.publish -->\n", f"<!-- /{name} -->"
        before, _, rest = page.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"the page has no place for {name}")
        page = f"{before}{begin}\n{text}\n{end}{after}"
    return page


def _table_or_none(head: Sequence[str], rows: list[list[str]]) -> str:
    return table(head, rows) if rows else "Not published yet.\n"


def _costs_table(costs: UnitCosts) -> str:
    rows = [
        [
            part,
            *(
                number_text(1e6 * values[part]) if part in values else ""
                for values in (costs.message_cpu_s, costs.connect_cpu_s, costs.idle_cpu_share)
            ),
        ]
        for part in PARTS
    ]
    return (
        table(
            ["part", "CPU us per message", "CPU us per connect", "CPU us/s per silent station"],
            rows,
        )
        + "\n"
        + table(
            ["unit", "bytes"],
            [
                ["memory of a connection in its gateway", number_text(costs.connection_bytes)],
                ["disk of a meter value, indexes included", number_text(costs.meter_value_bytes)],
                ["disk of a transaction with its stop", number_text(costs.transaction_bytes)],
                ["disk of an event in the outbox", number_text(costs.event_bytes)],
                [
                    "write-ahead log per message of a session",
                    number_text(costs.wal_bytes_per_message),
                ],
            ],
        )
    )


if __name__ == "__main__":
    main()
