"""The two systems under test: the suite, and the baseline in a database of its own beside it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx

from bench.stored import BASELINE, SUITE, Queries
from csms_local.nodes.ports import free_port
from csms_local.suite import Suite

READY_SECONDS = 30.0
STOP_SECONDS = 10.0
POSTS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class System:
    """Where a system is reached, what its processes are, and how its tables are asked."""

    name: str
    ocpp_url: str
    gateway_urls: list[str]
    """Each gateway without the balancer."""
    rest_url: str
    authorization: str
    database_url: str
    broker_url: str
    queries: Queries
    processes: dict[str, int]
    gateway_names: tuple[str, ...]
    """Those that hold the stations' connections."""
    tls_url: str = ""
    tls_folder: str = ""
    """Where its certificates are; the authority that signed them is ca.pem."""
    home: Path | None = None
    """Its state folder, where it has private nodes."""

    async def accept_tokens(self, id_tokens: list[str]) -> None:
        """Make id tokens that may charge."""
        await _insert(self.database_url, self.queries.insert_tokens, id_tokens)

    async def accept_limited(self, limits: dict[str, int | None]) -> None:
        """Make id tokens that may charge so many times at once; None: any number."""
        assert self.queries.insert_limited is not None
        tokens, counts = list(limits), list(limits.values())
        await _insert(self.database_url, self.queries.insert_limited, tokens, counts)

    async def accept_stations(
        self, station_ids: list[str], password: str, security_profile: int | None = None
    ) -> None:
        """Make stations that connect with a password and not without."""
        if self.queries.insert_passwords is not None:
            digest = sha256(password.encode()).digest()
            await _insert(self.database_url, self.queries.insert_passwords, station_ids, digest)
            return
        places = asyncio.Semaphore(POSTS_AT_ONCE)
        headers = {"Authorization": self.authorization}
        profile = {} if security_profile is None else {"security_profile": security_profile}
        async with httpx.AsyncClient(
            base_url=self.rest_url, headers=headers, trust_env=False, timeout=30
        ) as client:

            async def post(station_id: str) -> None:
                async with places:
                    body = {"station_id": station_id, "password": password, **profile}
                    response = await client.post("/api/v1/stations", json=body)
                    response.raise_for_status()

            await asyncio.gather(*(post(station_id) for station_id in station_ids))


async def suite_system(suite: Suite, tls_folder: Path) -> System:
    """Describe a running suite, logged in as its administrator."""
    run = suite.state()
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(
            f"{run.rest_url}/api/v1/auth/token",
            data={"username": run.admin_username, "password": run.admin_password},
        )
        response.raise_for_status()
    gateways = {gateway.id: gateway.pid for gateway in run.gateways}
    return System(
        name="suite",
        ocpp_url=run.ocpp_url,
        gateway_urls=[gateway.ocpp_url for gateway in run.gateways],
        rest_url=run.rest_url,
        authorization=f"Bearer {response.json()['access_token']}",
        database_url=run.database_url,
        broker_url=run.broker_url,
        queries=SUITE,
        processes={**gateways, **run.services, "supervisor and balancer": suite.process.pid},
        gateway_names=tuple(gateways),
        tls_url=run.ocpp_tls_url or "",
        tls_folder=str(tls_folder),
        home=suite.home,
    )


@asynccontextmanager
async def baseline_system(server_url: str, database_pid: int | None) -> AsyncIterator[System]:
    """Run the baseline on a fresh database of the same PostgreSQL server."""
    database_url = await _fresh_database(server_url, "bench_baseline")
    ocpp_port = free_port()
    http_port = free_port({ocpp_port})
    process = await asyncio.create_subprocess_exec(
        # It must not outlive a benchmark that was killed.
        *("setpriv", "--pdeathsig", "TERM"),
        *(sys.executable, "-m", "bench.baseline", str(ocpp_port), str(http_port)),
        env={**os.environ, "BASELINE_DATABASE_URL": database_url},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_SECONDS):
            if await process.stdout.readline() != b"ready\n":
                raise RuntimeError("the baseline did not start")
        database = {"database": database_pid} if database_pid is not None else {}
        yield System(
            name="baseline",
            ocpp_url=(url := f"ws://127.0.0.1:{ocpp_port}/ocpp"),
            gateway_urls=[url],
            rest_url=f"http://127.0.0.1:{http_port}",
            authorization="",
            database_url=database_url,
            broker_url="",
            queries=BASELINE,
            processes={"baseline": process.pid, **database},
            gateway_names=("baseline",),
        )
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _fresh_database(server_url: str, name: str) -> str:
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    database_url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    connection = await asyncpg.connect(database_url)
    try:
        tables = Path(__file__).with_name("baseline") / "tables.sql"
        await connection.execute(tables.read_text())
    finally:
        await connection.close()
    return database_url


async def _insert(database_url: str, statement: str, *parameters: object) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(statement, *parameters)
    finally:
        await connection.close()
