"""While the broker or the database is away, and afterwards; and how an instance ends."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import httpx
import pytest
from command_api_fakes import Proxy, Stations, eventually, reporting
from sqlalchemy.engine import make_url

from command_api.process import command_api
from command_api.settings import CommandApiSettings
from csms_local.nodes.ports import free_port
from csms_shared.contracts.commands import CommandOutcome

pytestmark = pytest.mark.asyncio(loop_scope="package")

ANSWERS_WITHIN_S = 7.0


@asynccontextmanager
async def instance(
    broker_url: str, database_url: str, admin: httpx.AsyncClient
) -> AsyncIterator[tuple[httpx.AsyncClient, asyncio.Event]]:
    """Run another instance; its client has an API key."""
    key = await admin.post("/api-keys", json={"name": f"outage-{time.time_ns()}", "role": "admin"})
    port = free_port()
    settings = CommandApiSettings(
        broker_url=broker_url,
        database_url=database_url,
        probe_port=free_port(),
        http_port=port,
        token_secret="a secret for the tests of this service",
        credential_pepper="pepper for the tests of this service",
    )
    stop = asyncio.Event()
    async with (
        command_api(settings) as service,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}/api/v1",
            headers={"X-API-Key": key.json()["key"]},
            trust_env=False,
            timeout=60,
        ) as client,
    ):
        running = asyncio.create_task(service.run(stop))
        try:
            await ready(client, 200)
            yield client, stop
        finally:
            stop.set()
            async with asyncio.timeout(20):
                await running


async def ready(client: httpx.AsyncClient, wanted: int) -> None:
    async def status() -> int:
        try:
            url = str(client.base_url).replace("/api/v1/", "/readyz")
            return (await client.get(url)).status_code
        except httpx.TransportError:
            return 0

    await eventually(status, lambda code: code == wanted, within_s=30)


def through(url: str, proxy: Proxy) -> str:
    return make_url(url).set(host="127.0.0.1", port=proxy.port).render_as_string(False)


def target(url: str) -> tuple[str, int]:
    parsed = make_url(url)
    assert parsed.host is not None
    assert parsed.port is not None
    return parsed.host, parsed.port


async def timed(request: Awaitable[httpx.Response]) -> httpx.Response:
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        answer: httpx.Response = await request
    return answer


async def test_without_a_broker_everything_that_needs_it_is_503_and_it_recovers(
    admin: httpx.AsyncClient, stations: Stations, broker_url: str, service_url: str
) -> None:
    station_id = stations.online()
    path, body = f"/stations/{station_id}/commands/Reset", {"type": "Soft"}
    async with (
        Proxy(*target(broker_url)) as proxy,
        instance(through(broker_url, proxy), service_url, admin) as (client, _),
    ):
        assert (await client.post(path, json=body)).json()["status"] == "completed"
        proxy.cut()
        await ready(client, 503)
        for request in (client.get("/stations"), client.post(path, json=body)):
            answer = await timed(request)
            assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
            assert "retry-after" in answer.headers
        status = (await timed(client.get("/status"))).json()
        assert (status["broker"], status["database"]) == ("down", "up")
        assert (await timed(client.get("/commands"))).status_code == 200
        proxy.mend()
        await ready(client, 200)
        assert (await client.post(path, json=body)).json()["status"] == "completed"


async def test_without_a_database_it_is_503_and_results_are_written_afterwards(
    admin: httpx.AsyncClient, stations: Stations, broker_url: str, service_url: str
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = reporting(CommandOutcome.SENT)
    path, body = f"/stations/{station_id}/commands/Reset", {"type": "Soft"}
    async with (
        Proxy(*target(service_url)) as proxy,
        instance(broker_url, through(service_url, proxy), admin) as (client, _),
    ):
        assert (await client.get("/commands")).status_code == 200
        proxy.cut()
        await ready(client, 503)
        for request in (client.get("/commands"), client.post(path, json=body)):
            answer = await timed(request)
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        proxy.mend()
        await ready(client, 200)
        command = (await client.post(f"{path}?wait=0", json=body)).json()
        read = await client.get(f"/commands/{command['command_id']}")
        assert read.status_code == 200


async def test_an_instance_that_ends_answers_who_waits(
    admin: httpx.AsyncClient, stations: Stations, broker_url: str, service_url: str
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = reporting(CommandOutcome.SENT)
    async with instance(broker_url, service_url, admin) as (client, stop):
        waiting = asyncio.create_task(
            client.post(f"/stations/{station_id}/commands/Reset", json={"type": "Soft"})
        )
        await eventually(lambda: asyncio.sleep(0, stations.gateway.commands_to(station_id)), bool)
        stop.set()
        answer = await timed(waiting)
    assert answer.status_code == 202


async def test_a_request_that_waits_on_one_instance_hears_of_an_end_on_another(
    admin: httpx.AsyncClient, stations: Stations, broker_url: str, service_url: str
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = reporting(CommandOutcome.NOT_OWNER)
    async with instance(broker_url, service_url, admin) as (client, _):
        answers = await asyncio.gather(
            *(
                timed(who.post(f"/stations/{station_id}/commands/Reset", json={"type": "Soft"}))
                for who in (client, admin) * 5
            )
        )
    assert [answer.json()["status"] for answer in answers] == ["station_offline"] * 10
