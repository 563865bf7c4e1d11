"""Heartbeats as events: once a period of each station, whoever hears it, the same each time."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from driven_registry import Registry

from csms_shared.contracts.event_data.heartbeats import StationHeartbeat
from csms_shared.contracts.events import CloudEvent
from csms_shared.db.isolation import apply_isolated
from csms_shared.service.inbox import Work
from station_registry.routes import apply_by, report_routes

SAMPLES = Path(__file__).parents[4] / "docs" / "messages" / "samples" / "events"
MINUTES_15 = 900_000


def heard(at_ms: int, station_id: str = "A", epoch: int = 1) -> Work:
    item = {
        "station_id": station_id,
        "connection_id": f"c{epoch}",
        "epoch": epoch,
        "last_seen_ms": at_ms,
        "tolerated": {},
    }
    return Work("liveness.v1", {"gateway_id": "gw-1"}, item)


@pytest.fixture
async def known(registry: Registry) -> Registry:
    await registry.send([registry.claim(name, f"c-{name}") for name in "AB"])
    # As if they had never been heard.
    await registry.query("DELETE FROM station_liveness")
    return registry


async def told(registry: Registry) -> list[dict[str, Any]]:
    return await registry.events("station.heartbeat")


async def times(registry: Registry) -> list[str]:
    return [event["data"]["last_seen_at"][11:19] for event in await told(registry)]


async def test_a_heartbeat_is_told_once_a_period_with_what_is_newest(known: Registry) -> None:
    await known.send([heard(1_000), heard(5_000), heard(3_000)])
    await known.send([heard(10_000)])
    await known.send([heard(5_000 + MINUTES_15 - 1)])
    assert await times(known) == ["00:00:05"]
    await known.send([heard(5_000 + MINUTES_15)])
    assert await times(known) == ["00:00:05", "00:15:05"]
    (first, _) = await told(known)
    event = CloudEvent.model_validate(first)
    assert (event.subject, event.tenantid) == ("A", "default")
    assert StationHeartbeat.model_validate(event.data) == StationHeartbeat(
        station_id="A", epoch=1, connection_id="c1", last_seen_at="1970-01-01T00:00:05.000Z"
    )


async def test_each_station_has_a_period_of_its_own(known: Registry) -> None:
    await known.send([heard(1_000), heard(2_000, "B")])
    await known.send([heard(1_000 + MINUTES_15), heard(1_000 + MINUTES_15, "B")])
    assert await times(known) == ["00:00:01", "00:00:02", "00:15:01"]


async def test_a_station_that_was_claimed_is_told_of_with_its_first_liveness(
    registry: Registry,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    assert await told(registry) == []
    await registry.send([heard(4_000_000_000_000)])
    assert len(await told(registry)) == 1
    # A connection of later is in the same period; one whose gateway's clock is years behind is not.
    await registry.send([heard(4_000_000_000_000 - 60_000, epoch=2)])
    assert len(await told(registry)) == 1
    await registry.send([heard(3_000_000_000_000, epoch=3)])
    assert len(await told(registry)) == 2


async def test_what_comes_again_is_told_once_and_after_a_rollback_as_before(
    known: Registry,
) -> None:
    batch = [heard(1_000), heard(2_000, "B")]
    await known.send(batch)
    first = await told(known)
    await known.send(batch)
    assert await told(known) == first
    # As a replica that has not seen it be told would.
    await known.query("DELETE FROM outbox")
    await known.query("DELETE FROM station_liveness")
    await known.send(batch[::-1])
    assert await told(known) == first


async def test_replicas_that_hear_a_station_at_once_tell_of_it_once(known: Registry) -> None:
    apply = apply_by(report_routes(900))
    for number in range(10):
        start = number * MINUTES_15 + 1_000
        batches = [[heard(start + later), heard(start + later, "B")] for later in range(4)]
        await asyncio.gather(*(apply_isolated(known.engine, batch, apply) for batch in batches))
    events = await told(known)
    assert [len([one for one in events if one["subject"] == name]) for name in "AB"] == [10, 10]


async def test_it_is_told_to_the_tenant_that_has_the_station(known: Registry) -> None:
    await known.request("tenants.create", new_tenant_id="north", name="North")
    await known.request("stations.create", station_id="N", tenant_id="north")
    await known.send([heard(1_000, "N"), heard(1_000)])
    assert {event["subject"]: event["tenantid"] for event in await told(known)} == {
        "A": "default",
        "N": "north",
    }


async def test_0_turns_it_off(known: Registry) -> None:
    known.heartbeat_event_s = 0
    await known.send([heard(1_000)])
    assert await told(known) == []
    rows = await known.query("SELECT count(*) FROM station_liveness WHERE station_id = 'A'")
    assert rows[0][0] == 1


async def test_the_sample_is_what_is_told(known: Registry) -> None:
    await known.send([heard(1_795_226_400_000)])
    (event,) = await told(known)
    assert json.loads((SAMPLES / "station.heartbeat.json").read_text()) == event
