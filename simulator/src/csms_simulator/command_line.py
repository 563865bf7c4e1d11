"""`csms-simulator`: what a simulated station can do from the command line."""

import argparse
import asyncio
import sys
from pathlib import Path

from rich.console import Console

from csms_simulator.errors import UnusableRecordingError, UnusableSuiteError
from csms_simulator.link import SeenFrame
from csms_simulator.recording import read_recording
from csms_simulator.replay import Replay
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation

SHOWN_DIFFERENCES = 50


def main() -> None:
    """Run the sub-command; exits 1 where an answer differs, 2 where nothing could be played."""
    parser = argparse.ArgumentParser(prog="csms-simulator", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    replay = commands.add_parser("replay", help="play a recording against a suite")
    replay.add_argument("file", type=Path, help="JSON lines of /stations/ID/messages.jsonl")
    replay.add_argument("--url", required=True, help="where stations connect: ws://HOST:PORT/ocpp")
    replay.add_argument("--station-id", required=True, help="the id to connect as")
    replay.add_argument("--password", help="the station's password, where it has one")
    replay.add_argument(
        "--speed", type=float, default=1.0, help="divides the recorded pauses; 0 leaves them out"
    )
    replay.set_defaults(run=_replay)
    station = commands.add_parser("station", help="be a station until Ctrl-C, and show its frames")
    station.add_argument("station_id", help="the id to connect as")
    station.add_argument("--url", required=True, help="where stations connect: ws://HOST:PORT/ocpp")
    station.add_argument("--password", help="the station's password, where it has one")
    station.add_argument("--connectors", type=int, default=1, help="how many (default 1)")
    station.set_defaults(run=_station)
    options = parser.parse_args()
    if options.run is _replay and options.speed < 0:
        parser.error("--speed must not be negative")
    if options.run is _station and options.connectors < 1:
        parser.error("--connectors must be positive")
    try:
        sys.exit(asyncio.run(options.run(options)))
    except (UnusableRecordingError, UnusableSuiteError, OSError) as problem:
        sys.stderr.write(f"csms-simulator: {problem}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


async def _station(options: argparse.Namespace) -> int:
    password = None if options.password is None else options.password.encode()
    settings = StationSettings(connectors=options.connectors, password=password)
    console = Console(highlight=False)

    def show(frame: SeenFrame) -> None:
        arrow = "->" if frame.direction == "sent" else "<-"
        console.print(f"{arrow} {frame.text}", markup=False, soft_wrap=True)

    async with SimulatedStation(options.station_id, options.url, settings=settings) as station:
        station.link.on_frame = show
        await asyncio.Event().wait()
    return 0


async def _replay(options: argparse.Namespace) -> int:
    with options.file.open(encoding="utf-8") as lines:
        recording = read_recording(lines)
    replay = Replay(
        recording,
        options.url,
        options.station_id,
        speed=options.speed,
        password=options.password,
    )
    result = await replay.run()
    console = Console(highlight=False)
    console.print(
        f"{result.sent} frames sent, {result.commands} commands answered, "
        f"{result.compared} answers compared, {result.uncompared} without a recorded answer, "
        f"{recording.missing_frames} frames missing in the recording, "
        f"{len(result.differences)} differences"
    )
    for difference in result.differences[:SHOWN_DIFFERENCES]:
        console.print(str(difference), style="red", markup=False)
    return 1 if result.differences else 0
