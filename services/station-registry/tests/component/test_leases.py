"""Leases of gateways, confirmed, ended and told of, against a real PostgreSQL."""

import asyncio

from driven_registry import Registry, content_of
from sqlalchemy import text

from csms_shared.contracts.ownership import LeaseReply, ReassertionReply
from station_registry.ownership.handlers.leases import sweep_leases


async def _sweep(registry: Registry) -> None:
    async with registry.engine.begin() as connection:
        await sweep_leases(connection, "registry-1")


async def test_a_lease_that_had_run_out_is_not_confirmed(registry: Registry) -> None:
    (first,) = await registry.send([registry.lease()])
    (second,) = await registry.send([registry.lease()])
    await registry.end_lease("gw-1")
    (third,) = await registry.send([registry.lease()])
    assert [content_of(reply, LeaseReply).confirmed for reply in (first, second, third)] == [
        False,
        True,
        False,
    ]
    assert (first.key, first.batched) == ("gw-1.reply.2", False)


async def test_stations_of_an_expired_lease_read_as_offline_at_once(registry: Registry) -> None:
    await registry.send([registry.claim("A", "c1")])
    assert (await registry.request("stations.get", station_id="A")).online
    await registry.end_lease("gw-1")
    view = await registry.request("stations.get", station_id="A")
    assert (view.online, view.connection) == (False, None)
    (owner,) = await registry.request("owners.look_up", station_ids=["A"])
    assert (owner.known, owner.gateway_id) == (True, None)
    assert (await registry.request("connections.list")).items == []
    assert (await registry.request("fleet.status")).stations_online == 0


async def test_an_expired_lease_is_told_once_and_can_be_reasserted(registry: Registry) -> None:
    await registry.send([registry.claim("A", "c1")])
    await _sweep(registry)  # nobody had looked before: one lease of grace
    await registry.end_lease("gw-1")
    await asyncio.gather(*(_sweep(registry) for _ in range(3)))
    types = await registry.event_types()
    assert types.count("station.offline") == types.count("station.disconnected") == 1
    assert await registry.owner("A") is None
    (reply,) = await registry.send([registry.reassertion("A", "c1", 1, "gw-1")])
    assert content_of(reply, ReassertionReply).superseded == []
    assert await registry.owner("A") == ("gw-1", "c1", 1)
    assert (await registry.event_types()).count("station.online") == 2


async def test_every_end_of_a_lease_has_event_ids_of_its_own(registry: Registry) -> None:
    await registry.send([registry.claim("A", "c1")])
    await _sweep(registry)
    for _ in range(2):
        await registry.end_lease("gw-1")
        await _sweep(registry)
        await registry.send([registry.reassertion("A", "c1", 1), registry.lease()])
    events = await registry.events()
    assert len({event["id"] for event in events}) == len(events)


async def test_leases_have_one_lease_of_grace_after_an_outage(registry: Registry) -> None:
    await registry.send([registry.claim("A", "c1")])
    await _sweep(registry)
    await registry.end_lease("gw-1")
    await registry.query("UPDATE lease_watch SET looked_at = now() - interval '1 minute'")
    await _sweep(registry)
    await _sweep(registry)
    assert "station.offline" not in await registry.event_types()
    assert (await registry.request("stations.get", station_id="A")).online


async def test_a_renewal_that_waited_for_the_end_of_its_lease_is_not_confirmed(
    registry: Registry,
) -> None:
    await registry.send([registry.claim("A", "c1"), registry.lease()])
    await _sweep(registry)
    await registry.query("UPDATE gateway SET lease_expires_at = now() + interval '0.5 seconds'")
    async with registry.engine.begin() as connection:
        await connection.execute(text("SELECT pg_sleep(0.6)"))
    async with registry.engine.begin() as sweeping:
        await sweep_leases(sweeping, "registry-1")
        renewal = asyncio.create_task(registry.send([registry.lease()]))
        async with asyncio.timeout(10):
            while not await registry.query(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                "AND datname = current_database()"
            ):
                await asyncio.sleep(0.01)
    (reply,) = await renewal
    assert content_of(reply, LeaseReply).confirmed is False
