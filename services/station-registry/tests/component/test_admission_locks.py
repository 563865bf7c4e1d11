"""Stations that nobody announced are created before any other station is locked."""

import asyncio

import asyncpg
from driven_registry import Registry

_ADMISSION = "SELECT pg_advisory_xact_lock(hashtextextended('registry.unknown_stations', 0))"


async def test_whoever_waits_for_its_turn_to_create_stations_holds_none(
    registry: Registry, registry_url: str
) -> None:
    """Two replicas would otherwise wait for each other: one for the turn, one for the station."""
    await registry.send([registry.claim("A", "c1")])
    other = await asyncpg.connect(registry_url, server_settings={"search_path": "registry"})
    try:
        async with other.transaction():
            await other.execute(_ADMISSION)
            batch = [
                registry.call("BootNotification", "A", registry.boot()),
                registry.claim("NEW", "c2"),
            ]
            sending = asyncio.create_task(registry.send(batch))
            async with asyncio.timeout(20):
                while not await other.fetchval(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
                    "AND database = (SELECT oid FROM pg_database "
                    "WHERE datname = current_database())"
                ):
                    assert not sending.done()
                    await asyncio.sleep(0.01)
            await other.fetch("SELECT FROM station WHERE station_id = 'A' FOR UPDATE NOWAIT")
        replies = await sending
    finally:
        await other.close()
    assert len(replies) == 2
    assert registry.parked == []
    assert {event["subject"] for event in await registry.events("station.created")} == {"A", "NEW"}


async def test_a_deleted_station_comes_back_while_another_batch_holds_its_neighbour(
    registry: Registry, registry_url: str
) -> None:
    await registry.send([registry.claim("A", "c1"), registry.claim("B", "c1")])
    await registry.request("stations.delete", station_id="B")
    other = await asyncpg.connect(registry_url, server_settings={"search_path": "registry"})
    try:
        async with other.transaction():
            await other.fetch("SELECT FROM station WHERE station_id = 'B' FOR UPDATE")
            # Neither locks what is deleted: they wait for nobody.
            boots = [
                registry.call("BootNotification", station_id, registry.boot())
                for station_id in ("A", "B")
            ]
            async with asyncio.timeout(20):
                await registry.send([*boots, registry.claim("A", "c3", deadline_ms=0)])
    finally:
        await other.close()
    await registry.send([registry.claim("B", "c2")])
    assert await registry.owner("B") == ("gw-1", "c2", 2)
