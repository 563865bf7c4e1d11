"""`python -m bench`: measure the suite and the baseline in turn on this machine."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import get_args

from rich.console import Console

from bench.driver.plan import Load
from bench.measures import FULL, QUICK, measure
from bench.report import Results, differences, print_table, write_json
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
    parser.add_argument("--only", choices=get_args(Load), help="one measure")
    parser.add_argument("--rounds", type=int, help="rounds per measure (3, quick: 1)")
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 3)
    console = Console()
    console.print("starting a suite ...")
    with tempfile.TemporaryDirectory(prefix="csms-bench-") as home:
        # PostgreSQL runs as another user when this is root, and must reach its data folder.
        Path(home).chmod(0o711)
        with start_suite(Path(home) / "csms", SUITE_SETTINGS) as suite:
            loads: list[Load] = [options.only] if options.only else list(FULL)
            # Memory shows only in processes that have not grown yet: first, and once.
            loads.sort(key=lambda load: load != "idle")
            found = asyncio.run(
                _measure_all(
                    suite.state(), suite.process.pid, loads, rounds, options.quick, console
                )
            )
    sys.exit(1 if found else 0)


async def _measure_all(
    run: RunState,
    supervisor_pid: int,
    loads: list[Load],
    rounds: int,
    quick: bool,
    console: Console,
) -> list[str]:
    durability = await durability_settings(run.database_url)
    if set(durability.values()) != {"on"}:
        return [f"the database does not wait for the disk: {durability}"]
    suite = await suite_system(run, supervisor_pid)
    async with baseline_system(run.database_url, run.services.get("database")) as baseline:
        results = await _rounds([suite, baseline], loads, rounds, quick, console)
    print_table(results, console)
    path = write_json(results, {**durability, "quick": quick, "rounds": rounds}, RESULTS)
    console.print(f"written to {path}")
    found = differences(results)
    for text in found[:SHOWN_DIFFERENCES]:
        console.print(text, style="red", markup=False)
    console.print(f"{len(found)} differences between what was acknowledged and what is stored")
    return found


async def _rounds(
    systems: list[System], loads: list[Load], rounds: int, quick: bool, console: Console
) -> Results:
    results: Results = {system.name: {load: [] for load in loads} for system in systems}
    for load in loads:
        size = (QUICK if quick else FULL)[load]
        for number in range(1, (1 if load == "idle" else rounds) + 1):
            # Who goes first alternates, so that neither always meets the warmer machine.
            for system in systems if number % 2 else reversed(systems):
                began = time.monotonic()
                result = await measure(system, load, size, number)
                results[system.name][load].append(result)
                console.print(
                    f"{load} round {number}, {system.name}: {time.monotonic() - began:.0f} s, "
                    f"{len(result['differences'])} differences",
                    highlight=False,
                )
    return results


if __name__ == "__main__":
    main()
