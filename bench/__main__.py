"""`python -m bench`: measure the suite and the baseline in turn on this machine."""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from bench.cases import NAMES, Case, chosen
from bench.measures import measure
from bench.report import Results, differences, print_tables, write_json
from bench.stored import durability_settings
from bench.systems import System, baseline_system, suite_system
from csms_local.run_state import RunState
from csms_local.suite import start_suite

RESULTS = Path(__file__).parent / "results"
SHOWN_DIFFERENCES = 20
SUITE_SETTINGS = {"CSMS_UNKNOWN_STATIONS": "accept", "CSMS_MAX_UNKNOWN_STATIONS": "1000000"}


def main() -> None:
    """Measure; exit 1 when an acknowledged message was lost, doubled or changed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small loads, one round")
    parser.add_argument("--only", choices=NAMES, nargs="+", default=[], help="these measures")
    parser.add_argument("--rounds", type=int, help="rounds of each measure")
    parser.add_argument(
        "--recorder", action="store_true", help="with the flight recorder, which the baseline lacks"
    )
    options = parser.parse_args()
    cases = chosen(options.only, quick=options.quick)
    rounds = options.rounds or (1 if options.quick else None)
    # Ended from outside, it leaves neither processes nor data behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console()
    console.print("starting a suite ...")
    with tempfile.TemporaryDirectory(prefix="csms-bench-") as home:
        # PostgreSQL runs as another user when this is root, and must reach its data folder.
        Path(home).chmod(0o711)
        recorder = {"CSMS_RECORDER": str(options.recorder)}
        with start_suite(Path(home) / "csms", SUITE_SETTINGS | recorder) as suite:
            found = asyncio.run(
                _measure_all(
                    suite.state(), suite.process.pid, cases, rounds, options.quick, console
                )
            )
    sys.exit(1 if found else 0)


async def _measure_all(
    run: RunState,
    supervisor_pid: int,
    cases: list[Case],
    rounds: int | None,
    quick: bool,
    console: Console,
) -> list[str]:
    durability = await durability_settings(run.database_url)
    if set(durability.values()) != {"on"}:
        return [f"the database does not wait for the disk: {durability}"]
    suite = await suite_system(run, supervisor_pid)
    results: Results = {"suite": {}, "baseline": {}}
    try:
        async with baseline_system(run.database_url, run.services.get("database")) as baseline:
            await _rounds([suite, baseline], cases, rounds, quick, results, console)
    finally:
        # What was measured before a failure is kept.
        path = write_json(results, {**durability, "quick": quick, "rounds": rounds}, RESULTS)
        console.print(f"written to {path}")
    print_tables(results, console, quick=quick)
    found = differences(results)
    for text in found[:SHOWN_DIFFERENCES]:
        console.print(text, style="red", markup=False)
    console.print(f"{len(found)} differences between what was acknowledged and what is stored")
    return found


async def _rounds(
    systems: list[System],
    cases: list[Case],
    rounds: int | None,
    quick: bool,
    results: Results,
    console: Console,
) -> None:
    for case in cases:
        size = case.quick if quick else case.full
        measured = [system for system in systems if case.baseline or system.name == "suite"]
        for number in range(1, (rounds or case.rounds) + 1):
            # Who goes first alternates, so that neither always meets the warmer machine.
            for system in measured if number % 2 else reversed(measured):
                began = time.monotonic()
                result = await measure(system, case, size, number)
                results[system.name].setdefault(case.name, []).append(result)
                console.print(
                    f"{case.name} round {number}, {system.name}: {time.monotonic() - began:.0f} s, "
                    f"{len(result['differences'])} differences",
                    highlight=False,
                )


if __name__ == "__main__":
    main()
