"""The suite without one of its services for a while, as an operator has it whose one is away.

The supervisor starts what ends again. So the suite finds the service's command behind a gate: a
lock that each start shares, and that who wants the service away has alone. What the service is
told meanwhile waits in its queue, and where that is full, in the outboxes of who tells it.
"""

import asyncio
import fcntl
import os
import shlex
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import httpx
import orjson

from bench.processes import probe_port
from bench.systems import System
from csms_local.run_state import RunState
from csms_shared.broker.topology import COMMAND_ORDERS_KEY
from integration_service.event_store.domain import read_event

INTEGRATION_SERVICE = "integration-service"
BILLING_SERVICE = "billing-service"
SERVICES = (INTEGRATION_SERVICE, BILLING_SERVICE)
_ENDS_WITHIN_S = 30.0
_RETURNS_WITHIN_S = 90.0
_STORES_WITHIN_S = 300.0
_LOOK_EVERY_S = 0.25
_SCHEMAS = ("session", "registry", "command", "integration", "billing")
_NEWEST = "SELECT events FROM {schema}.outbox WHERE routing_key <> $1 ORDER BY id DESC LIMIT 1"
# All before it in its outbox are stored before it.
_IS_STORED = (
    "SELECT EXISTS (SELECT FROM integration.event_segment "
    "WHERE stored_at > now() - interval '1 hour' AND position($1::bytea in ids) > 0)"
)


def gated_programs(home: Path) -> Path:
    """Return a folder of the services' commands in which those of `SERVICES` are behind gates."""
    folder = home / "programs"
    folder.mkdir()
    for program in Path(sys.executable).parent.iterdir():
        if program.name not in SERVICES:
            (folder / program.name).symlink_to(program)
    for name in SERVICES:
        lock = home / _gate_of(name)
        lock.touch()
        program = Path(sys.executable).with_name(name)
        command = shlex.join(["flock", "--no-fork", "--shared", str(lock), str(program)])
        gate = folder / name
        gate.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        gate.chmod(0o755)
    return folder


@asynccontextmanager
async def service_away(system: System, service: str) -> AsyncIterator[None]:
    """Have no such service from when this is entered; on leaving, it is ready again."""
    assert system.home is not None
    gate = os.open(system.home.parent / _gate_of(service), os.O_RDWR)
    try:
        # Waited for before it ends, so that no start comes between.
        shut = asyncio.create_task(asyncio.to_thread(fcntl.flock, gate, fcntl.LOCK_EX))
        os.kill(_state(system).services[service], signal.SIGTERM)
        async with asyncio.timeout(_ENDS_WITHIN_S):
            await shut
        yield
    finally:
        os.close(gate)
        await _until(lambda: _is_ready(system, service), _RETURNS_WITHIN_S, f"{service} is away")


def with_its_processes(system: System) -> System:
    """Return the system with its processes of now: those that were restarted are others."""
    return replace(system, processes=system.processes | _state(system).services)


async def until_stored(system: System) -> None:
    """Wait until every event that was told by now is stored."""
    connection = await asyncpg.connect(system.database_url)

    async def all_stored() -> bool:
        return all([await connection.fetchval(_IS_STORED, key) for key in keys])

    try:
        keys = [key for schema in _SCHEMAS if (key := await _newest(connection, schema))]
        await _until(all_stored, _STORES_WITHIN_S, "events are not stored")
    finally:
        await connection.close()


def _gate_of(service: str) -> str:
    return f"{service}.gate"


async def _newest(connection: "asyncpg.Connection[asyncpg.Record]", schema: str) -> bytes | None:
    events = await connection.fetchval(_NEWEST.format(schema=schema), COMMAND_ORDERS_KEY)
    return None if events is None else read_event(orjson.loads(events)[-1]).key


async def _is_ready(system: System, service: str) -> bool:
    try:
        port = probe_port(_state(system).services[service])
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{port}/readyz")
    except (OSError, httpx.HTTPError):
        return False
    return answer.status_code == httpx.codes.OK


async def _until(look: Callable[[], Awaitable[bool]], within_s: float, otherwise: str) -> None:
    give_up_at = time.monotonic() + within_s
    while not await look():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"{otherwise} after {within_s:.0f} s")
        await asyncio.sleep(_LOOK_EVERY_S)


def _state(system: System) -> RunState:
    assert system.home is not None
    return RunState.read(system.home / "run.json")
