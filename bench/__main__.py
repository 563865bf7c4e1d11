"""`python -m bench`: measure the suite and the baseline in turn on this machine."""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path

from rich.console import Console

from bench.cases import NAMES, Case, Turn, chosen, sittings
from bench.measures import measure
from bench.report import Results, differences, print_tables, write_json
from bench.service_away import gated_programs
from bench.stored import durability_settings
from bench.systems import System, baseline_system, suite_system
from bench.tls import lacks, tls_settings
from csms_local.run_state import RunState
from csms_local.suite import start_suite

RESULTS = Path(__file__).parent / "results"
SHOWN_DIFFERENCES = 20
ROUNDS = 3
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
    console = Console()
    cases = _possible(chosen(options.only, quick=options.quick), console)
    rounds = options.rounds or (1 if options.quick else ROUNDS)
    # Ended from outside, it leaves neither processes nor data behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results: Results = {"suite": {}, "baseline": {}}
    settings = {"quick": options.quick, "rounds": rounds, "python": sys.version}
    recorder = {"CSMS_RECORDER": str(options.recorder)}
    try:
        for sitting in sittings(cases, rounds, quick=options.quick):
            console.print("starting a suite ...")
            with tempfile.TemporaryDirectory(prefix="csms-bench-") as home:
                # PostgreSQL runs as another user when this is root, and must reach its data folder.
                Path(home).chmod(0o711)
                gateways = {"CSMS_GATEWAYS": str(sitting[0].case.gateways)}
                settings_of_suite = SUITE_SETTINGS | recorder | gateways | tls_settings(Path(home))
                programs = gated_programs(Path(home))
                with start_suite(
                    Path(home) / "csms", settings_of_suite, programs=programs
                ) as suite:
                    system = suite_system(suite, Path(home))
                    sit = _sit(suite.state(), system, sitting, results, console)
                    settings |= asyncio.run(sit)
    finally:
        # What was measured before a failure is kept.
        path = write_json(results, settings, RESULTS)
        console.print(f"written to {path}")
    print_tables(results, console, quick=options.quick)
    found = differences(results)
    for text in found[:SHOWN_DIFFERENCES]:
        console.print(text, style="red", markup=False)
    console.print(f"{len(found)} differences between what was acknowledged and what is stored")
    sys.exit(1 if found else 0)


def _possible(cases: list[Case], console: Console) -> list[Case]:
    """Leave out, and name, what this machine lacks something for."""
    for case in cases:
        if lacking := lacks(case):
            console.print(f"{case.name} is left out: {lacking}", style="red", markup=False)
    possible = [case for case in cases if not lacks(case)]
    if not possible:
        sys.exit("nothing is left to measure")
    return possible


async def _sit(
    run: RunState,
    described: Awaitable[System],
    sitting: list[Turn],
    results: Results,
    console: Console,
) -> dict[str, str]:
    """Measure what one suite is for; return how durable its database is."""
    durability = await durability_settings(run.database_url)
    if set(durability.values()) != {"on"}:
        sys.exit(f"the database does not wait for the disk: {durability}")
    suite = await described
    async with baseline_system(run.database_url, run.services.get("database")) as baseline:
        for turn in sitting:
            await _take(turn, [suite, baseline], results, console)
    return durability


async def _take(turn: Turn, systems: list[System], results: Results, console: Console) -> None:
    case, number = turn.case, turn.number
    measured = [system for system in systems if case.baseline or system.name == "suite"]
    # Who goes first alternates, so that neither always meets the warmer machine.
    for system in measured if number % 2 else reversed(measured):
        began = time.monotonic()
        result = await measure(system, case, turn.size, number)
        results[system.name].setdefault(case.name, []).append(result)
        console.print(
            f"{case.name} round {number}, {system.name}: {time.monotonic() - began:.0f} s, "
            f"{len(result['differences'])} differences",
            highlight=False,
        )


if __name__ == "__main__":
    main()
