"""`csms-demo`: a small network of simulated stations lives against a running suite.

It goes on until Ctrl-C. With --seconds it ends by itself, and then compares what the suite has
stored with what the stations were promised.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import sys
from pathlib import Path

import httpx

from csms_simulator.demo.living import NoChargingError, live
from csms_simulator.demo.report import say
from csms_simulator.errors import CallFailedError
from csms_simulator.wire import Payload


class NoSuiteError(Exception):
    """There is no suite to charge at."""


def main() -> None:
    """Run the demo and exit non-zero when the suite did not keep a promise."""
    parser = argparse.ArgumentParser(prog="csms-demo", description=__doc__)
    parser.add_argument("--seconds", type=float, help="for how long (default: until Ctrl-C)")
    options = parser.parse_args()
    if options.seconds is not None and options.seconds <= 0:
        parser.error("--seconds must be positive")
    # A file for each station, and some for REST.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    home = Path(os.environ.get("CSMS_HOME", ".csms"))
    try:
        sys.exit(asyncio.run(_until_told(_read_run(home), str(home / "run.json"), options.seconds)))
    except CallFailedError as failure:
        # Its stations answer to whoever connected last.
        sys.exit(f"csms-demo: {failure}; does another demo run?")
    except (NoSuiteError, NoChargingError) as problem:
        sys.exit(f"csms-demo: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)


async def _until_told(run: Payload, run_file: str, seconds: float | None) -> int:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        say("ending the sessions; Ctrl-C again leaves at once")
        over.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, interrupted)
    try:
        return await live(run, run_file, over, seconds)
    except httpx.ConnectError as failure:
        raise NoSuiteError(f"{run['rest_url']} does not answer: {failure}") from None


def _read_run(home: Path) -> Payload:
    try:
        run: Payload = json.loads((home / "run.json").read_text())
    except FileNotFoundError:
        raise NoSuiteError(
            f"no suite is running ({home / 'run.json'} does not exist); start one with `make run`"
            " in another terminal and wait for its ready line"
        ) from None
    return run
