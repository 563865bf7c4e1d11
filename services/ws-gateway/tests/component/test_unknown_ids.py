"""Ids that no station has: asked for once, at a bounded rate, and nobody else waits for it."""

import asyncio

import pytest
from gateway_fakes.running import RunningGateway, run_gateway
from gateway_fakes.services import FakeServices
from gateway_fakes.waiting import until
from prometheus_client import REGISTRY
from websockets.exceptions import InvalidStatus

from ws_gateway.amqp import lease

SLOWLY = {"unknown_ids_at_once": 5, "unknown_id_interval_seconds": 600}


async def _status(running: RunningGateway, station_id: str) -> int:
    try:
        station = await running.station(station_id)
    except InvalidStatus as refused:
        return refused.response.status_code
    await station.socket.close()
    return 101


def _refusals(reason: str) -> float:
    return REGISTRY.get_sample_value("csms_gateway_refusals_total", {"reason": reason}) or 0.0


async def test_an_unknown_id_is_asked_for_once_until_its_station_is_created(
    running: RunningGateway,
) -> None:
    services = running.services
    services.unknown = {"NEW-1"}
    assert [await _status(running, "NEW-1") for _ in range(4)] == [404] * 4
    assert services.claims == 1
    services.unknown.clear()
    await services.tell_created("NEW-1")
    async with asyncio.timeout(10):
        while (status := await _status(running, "NEW-1")) == 404:
            pass
    assert status == 101


async def test_a_station_created_while_its_claim_is_on_its_way_is_asked_for_again(
    running: RunningGateway,
) -> None:
    services = running.services
    services.unknown = {"NEW-2", "NEW-3"}
    services.claims_answered.clear()
    coming = asyncio.create_task(_status(running, "NEW-2"))
    await services.until(lambda: services.claims == 1)
    # The answer is decided, and the news overtakes it.
    await services.tell_created("NEW-2")
    broker = running.gateway.broker
    assert broker is not None
    policy = running.gateway.policy
    await until(lambda: "NEW-2" in policy._ids._created)
    services.claims_answered.set()
    assert await coming == 404
    services.unknown.clear()
    assert await _status(running, "NEW-2") == 101


async def test_who_asks_for_too_many_waits_and_stations_of_the_address_get_in(
    broker_url: str, services: FakeServices
) -> None:
    services.unknown = {f"MADE-UP-{number}" for number in range(100)}
    async with run_gateway(broker_url, services, **SLOWLY) as running:
        assert await _status(running, "MET-1") == 101
        asked = services.claims
        statuses = [await _status(running, f"MADE-UP-{number}") for number in range(20)]
        assert statuses == [404] * 5 + [429] * 15
        assert services.claims == asked + 5
        # Known here: whatever others of its address do.
        assert await _status(running, "MET-1") == 101
        # Not known here: nothing tells it from those that are made up.
        assert await _status(running, "MET-2") == 429


async def test_a_station_with_a_wrong_password_is_none_that_is_made_up(
    broker_url: str, services: FakeServices
) -> None:
    services.passwords = {f"REAL-{number}": b"a secret of the station" for number in range(10)}
    async with run_gateway(broker_url, services, **SLOWLY) as running:
        assert {await _status(running, f"REAL-{number}") for number in range(10)} == {401}


async def test_those_that_wait_for_their_turn_give_it_up_once_the_address_is_known_for_it(
    broker_url: str, services: FakeServices
) -> None:
    services.unknown = {f"MADE-UP-{number}" for number in range(200)}
    before = _refusals("unknown_ids")
    async with run_gateway(broker_url, services, admissions_per_second=50, **SLOWLY) as running:
        statuses = await asyncio.gather(
            *(_status(running, f"MADE-UP-{number}") for number in range(200))
        )
        # Those whose turn was at once, and those that were let in before their answers came.
        assert services.claims < 100
        assert statuses.count(429) >= 100
        assert _refusals("unknown_ids") - before == statuses.count(429)


@pytest.mark.parametrize("own_queues", [True, False])
async def test_leases_go_to_queues_of_their_own_where_the_registry_reads_them(
    broker_url: str, own_queues: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_EVERY_S", 0.2)
    services = FakeServices(broker_url, own_queues=own_queues)
    async with asyncio.TaskGroup() as group:
        tasks = await services.start(group)
        async with run_gateway(broker_url, services):
            asked = services.leases
            await services.until(lambda: services.leases > asked + 1, within_s=30)
        for task in tasks:
            task.cancel()
    await services.close()
    newest = "station-registry.leases" if own_queues else "station-registry.decisions"
    assert services.asked_for_leases[newest] >= 2
