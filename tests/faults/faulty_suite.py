"""A whole suite on nodes of its own, whose processes a test kills, stops and starts."""

import asyncio
import json
import os
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg
import httpx

from csms_local.nodes.ports import KeptPorts
from csms_local.run_state import RunState
from csms_local.suite import Suite, launch_suite
from csms_simulator.operator import Operator
from tests.faults.event_tap import EventTap
from tests.faults.wrapped_programs import WrappedPrograms
from tests.integration.waiting import eventually

GATEWAYS = ("gateway-1", "gateway-2")
OWN_SERVICES = (
    "station-registry",
    "session-service",
    "command-api",
    "integration-service",
    "billing-service",
)
PROCESSES = (*OWN_SERVICES, *GATEWAYS)
SCHEMAS = ("registry", "session", "command", "integration", "billing")
_PROBE_S = 5.0


class FaultySuite:
    """Starts on `async with`. `programs` is set before the start, or before a `restart`.

    Every fault that is injected is counted in `injected`, by what it was.
    """

    def __init__(self, home: Path, env: Mapping[str, str] | None = None) -> None:
        self.home = home.absolute()
        self.home.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.programs = WrappedPrograms(self.home / "programs")
        self.injected: Counter[str] = Counter()
        self._env = {"CSMS_HEARTBEAT_INTERVAL": "10", "CSMS_MAX_UNKNOWN_STATIONS": "100000"}
        self._env.update(env or {})
        self._ports = KeptPorts(self.home / "ports.json")
        self._suite: Suite | None = None
        self._tap: EventTap | None = None
        self._paused: set[int] = set()
        # A connection for each probe: one that is kept may be closed while the next is on its way.
        self._probes = httpx.AsyncClient(
            timeout=_PROBE_S, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    @property
    def broker_port(self) -> int:
        """Return where the suite's own broker listens; known before the start."""
        return self._ports.port("broker")

    @property
    def database_port(self) -> int:
        """Return where the suite's own database listens; known before the start."""
        return self._ports.port("database")

    @property
    def tap(self) -> EventTap:
        """Return what has come on `csms.events.v1` since the start."""
        assert self._tap is not None, "the suite runs"
        return self._tap

    def state(self) -> RunState:
        """Return `run.json` as it is now."""
        assert self._suite is not None, "the suite runs"
        return self._suite.state()

    def log(self, process: str) -> Path:
        """Return the log of a process."""
        return self.home / "logs" / f"{process}.log"

    async def __aenter__(self) -> Self:
        # Chosen before the launcher asks for them, so that a path may be put before them.
        _ = self.broker_port, self.database_port
        self._suite = launch_suite(self.home, self._env, programs=self.programs.folder)
        await asyncio.to_thread(self._suite.wait_until_ready)
        self._tap = EventTap(self.state().broker_url)
        await self._tap.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pid in list(self._paused):
            os.kill(pid, signal.SIGCONT)
        await self._probes.aclose()
        if self._tap is not None:
            await self._tap.stop()
        if self._suite is not None:
            await asyncio.to_thread(self._suite.stop)

    # Faults.

    def note(self, fault: str) -> None:
        """Count a fault that was injected by other means."""
        self.injected[fault] += 1

    def pid(self, process: str) -> int:
        """Return the pid of a gateway, a service, `broker` or `database`."""
        run = self.state()
        return {**run.services, **{gateway.id: gateway.pid for gateway in run.gateways}}[process]

    async def kill(self, process: str, within: float = 60.0) -> None:
        """SIGKILL, and wait until the launcher has started it again; not until it is ready."""
        await self._end(process, signal.SIGKILL, within)

    async def terminate(self, process: str, within: float = 60.0) -> None:
        """SIGTERM, and wait until the process has ended and been started again."""
        await self._end(process, signal.SIGTERM, within)

    async def restart(self, process: str, within: float = 60.0) -> None:
        """End a process in good order and wait until it is ready again; this is no fault."""
        before = self.pid(process)
        os.kill(before, signal.SIGTERM)
        await self._until_new(process, before, within)
        await self.until_ready(within)

    def pause(self, process: str) -> None:
        """SIGSTOP: the process holds what it holds and does nothing."""
        pid = self.pid(process)
        os.kill(pid, signal.SIGSTOP)
        self._paused.add(pid)
        self.note(f"SIGSTOP {process}")

    def resume(self, process: str) -> None:
        """SIGCONT."""
        pid = self.pid(process)
        os.kill(pid, signal.SIGCONT)
        self._paused.discard(pid)

    @asynccontextmanager
    async def one_of_two_stopped(self, service: str, pid: int) -> AsyncIterator[None]:
        """SIGSTOP one of two processes of a service, and SIGCONT on leaving."""
        os.kill(pid, signal.SIGSTOP)
        self.note(f"SIGSTOP one of two {service}")
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    async def _end(self, process: str, number: signal.Signals, within: float) -> None:
        before = self.pid(process)
        os.kill(before, number)
        self.note(f"{number.name} {process}")
        await self._until_new(process, before, within)

    async def _until_new(self, process: str, before: int, within: float) -> None:
        async def pid() -> int:
            return self.pid(process)

        await eventually(pid, lambda now: now != before, within)

    # What the suite says of itself.

    async def missing(self) -> dict[str, str]:
        """Return the processes that are not ready, each with what it lacks."""
        answers = await asyncio.gather(*(self.lacks(process) for process in PROCESSES))
        return {name: text for name, text in zip(PROCESSES, answers, strict=True) if text}

    async def lacks(self, process: str) -> str:
        """Return what keeps a process from being ready; empty when it is."""
        try:
            answer = await self._probes.get(f"{self._probe_url(process)}/readyz")
        except httpx.HTTPError as failure:
            return repr(failure)
        return "" if answer.status_code == 200 else answer.text

    async def until_ready(self, within: float = 60.0) -> None:
        """Wait until every process is ready."""
        await eventually(self.missing, lambda missing: not missing, within)

    async def metric(self, process: str, name: str, **labels: str) -> float:
        """Return a metric's value, summed over the series that have these labels."""
        answer = await self._probes.get(f"{self._probe_url(process)}/metrics")
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        total = 0.0
        for line in answer.text.splitlines():
            found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)(?: \d+)?", line)
            if found and found[1] == name and wanted <= set((found[2] or "").split(",")):
                total += float(found[3])
        return total

    def resident_bytes(self, process: str) -> int:
        """Return the memory of a process, 0 while there is none."""
        try:
            status = Path(f"/proc/{self.pid(process)}/status").read_text()
        except (OSError, KeyError):
            return 0
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0

    def _probe_url(self, process: str) -> str:
        ports = json.loads((self.home / "ports.json").read_text())
        return f"http://127.0.0.1:{ports[f'{process}-probe']}"

    # Ways in.

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[Operator]:
        """Log in as the administrator."""
        run = self.state()
        async with Operator(run.rest_url, run.admin_username, run.admin_password) as logged_in:
            yield logged_in

    @asynccontextmanager
    async def database(self) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
        """Connect as the owner of all schemas, past every proxy."""
        connection = await asyncpg.connect(self.state().database_url)
        try:
            yield connection
        finally:
            await connection.close(timeout=5)
