"""A gateway that starts: until it can serve stations, it neither lets them in nor refuses them."""

import asyncio
import contextlib
import os
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from gateway_fakes.services import FakeServices
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from csms_local.nodes.ports import free_port
from csms_shared.broker.topology import SESSION_SERVICE

PROGRAM = str(Path(sys.executable).parent / "ws-gateway")
# As many as come back to a gateway that restarts, again and again until they are in.
STATIONS = 20


class GatewayProcess:
    """The program itself, on ports that it has again after a restart."""

    def __init__(self, services: FakeServices, inherited: socket.socket | None = None) -> None:
        self.port, self._probe_port = free_port(), free_port()
        self._inherited = [] if inherited is None else [inherited.fileno()]
        self._environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith("CSMS_")},
            "CSMS_BROKER_URL": services.broker_url,
            "CSMS_CREDENTIAL_PEPPER": "a pepper for the tests",
            "CSMS_GATEWAY_PORT": str(self.port),
            "CSMS_PROBE_PORT": str(self._probe_port),
            "CSMS_DRAIN_SECONDS": "0",
        }
        if inherited is not None:
            self._environment["CSMS_OCPP_LISTEN_FD"] = str(inherited.fileno())

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            "serve",
            env=self._environment,
            pass_fds=self._inherited,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            async with asyncio.timeout(120):
                await process.communicate()

    async def missing(self, client: httpx.AsyncClient) -> dict[str, str] | None:
        """Return what the probe port says is missing, None before it answers."""
        try:
            answer = await client.get(f"http://127.0.0.1:{self._probe_port}/readyz")
        except httpx.TransportError:
            return None
        missing: dict[str, str] = answer.json()["missing"]
        assert answer.status_code == (503 if missing else 200)
        return missing

    async def until_missing(self, *names: str) -> None:
        async with asyncio.timeout(120), httpx.AsyncClient(trust_env=False) as client:
            while (missing := await self.missing(client)) is None or set(missing) != set(names):
                await asyncio.sleep(0.02)


async def _come_back(port: int, station_id: str, seen: Counter[str]) -> None:
    """Connect again and again, without a pause, until the station is in; count what happens."""
    while True:
        try:
            async with connect(f"ws://127.0.0.1:{port}/ocpp/{station_id}", compression=None):
                seen["in"] += 1
                return
        except InvalidStatus as refused:
            seen[str(refused.response.status_code)] += 1
        except ConnectionRefusedError:
            seen["nobody listens"] += 1
        await asyncio.sleep(0)


async def test_a_gateway_that_is_not_ready_refuses_connects_and_says_why_on_its_probe_port(
    services: FakeServices,
) -> None:
    services.silent.add(SESSION_SERVICE)
    gateway = GatewayProcess(services)
    async with gateway.run():
        await gateway.until_missing(SESSION_SERVICE)
        with pytest.raises(ConnectionRefusedError):
            await connect(f"ws://127.0.0.1:{gateway.port}/ocpp/A-1")
        services.silent.clear()
        await gateway.until_missing()
        async with connect(f"ws://127.0.0.1:{gateway.port}/ocpp/A-1"):
            pass


async def test_stations_that_come_back_without_a_pause_never_see_a_restarted_gateway_refuse_them(
    services: FakeServices,
) -> None:
    gateway = GatewayProcess(services)
    for _ in range(2):
        seen: Counter[str] = Counter()
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            for number in range(STATIONS):
                group.create_task(_come_back(gateway.port, f"B-{number}", seen))
            async with gateway.run():
                await gateway.until_missing()
                while seen["in"] < STATIONS:
                    await asyncio.sleep(0.02)
        assert set(seen) == {"nobody listens", "in"}


async def test_who_connects_to_an_inherited_socket_too_early_waits_until_the_gateway_is_ready(
    services: FakeServices,
) -> None:
    services.silent.add(SESSION_SERVICE)
    seen: Counter[str] = Counter()
    with socket.create_server(("127.0.0.1", 0)) as shared:
        gateway = GatewayProcess(services, inherited=shared)
        async with gateway.run():
            await gateway.until_missing(SESSION_SERVICE)
            port = shared.getsockname()[1]
            coming = asyncio.create_task(_come_back(port, "C-1", seen))
            # It has an answer of the kernel, and waits for one of the gateway.
            done, _ = await asyncio.wait({coming}, timeout=0.5)
            assert not done
            services.silent.clear()
            async with asyncio.timeout(120):
                await coming
    assert seen == {"in": 1}


async def test_a_port_that_somebody_took_meanwhile_is_named(services: FakeServices) -> None:
    services.silent.add(SESSION_SERVICE)
    gateway = GatewayProcess(services)
    async with gateway.run() as process:
        await gateway.until_missing(SESSION_SERVICE)
        # Two may have a port on which neither listens.
        with socket.create_server(("127.0.0.1", gateway.port)):
            services.silent.clear()
            async with asyncio.timeout(120):
                _, printed = await process.communicate()
    assert process.returncode == 2
    assert b"CSMS_GATEWAY_PORT: cannot listen on 127.0.0.1:" in printed
    assert b"Traceback" not in printed


async def test_a_gateway_that_was_never_ready_ends_when_it_is_told_to(
    services: FakeServices,
) -> None:
    services.silent.add(SESSION_SERVICE)
    gateway = GatewayProcess(services)
    async with gateway.run() as process:
        await gateway.until_missing(SESSION_SERVICE)
        process.terminate()
        async with asyncio.timeout(120):
            assert await process.wait() == 0
    await services.until(lambda: services.final_leases == 1)
