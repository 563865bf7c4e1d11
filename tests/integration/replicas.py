"""Another instance of a service, beside that of a running suite."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import httpx

from csms_local.nodes.ports import free_port
from csms_local.run_state import RunState
from csms_local.services import ROLES
from csms_local.state_folder import StateFolder
from tests.integration.waiting import eventually

_READY_S = 60.0


@contextlib.asynccontextmanager
async def another(service: str, home: Path, run: RunState) -> AsyncIterator[Process]:
    """Start a second instance of a service that owns data; yield it once it is ready."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / service),
        "serve",
        env=_environment(service, home, run, port),
    )
    try:
        await _until_ready(port)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _environment(service: str, home: Path, run: RunState, port: int) -> Mapping[str, str]:
    owner, role = urlsplit(run.database_url), ROLES[service]
    password = quote(StateFolder(home).secret(role), safe="")
    login = f"{role}:{password}@{owner.netloc.rpartition('@')[2]}"
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("CSMS_")}
    return {
        **inherited,
        "CSMS_BROKER_URL": run.broker_url,
        "CSMS_DATABASE_URL": urlunsplit(owner._replace(netloc=login)),
        "CSMS_PROBE_PORT": str(port),
    }


async def _until_ready(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:

        async def readiness() -> int:
            with contextlib.suppress(httpx.HTTPError):
                return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code
            return 0

        await eventually(readiness, lambda status: status == 200, _READY_S)
