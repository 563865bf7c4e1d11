"""What other services are told of where stations stand, against a real PostgreSQL."""

from typing import Any

import pytest
from driven_registry import Registry
from sqlalchemy import text

from csms_shared.db.engine import in_transaction
from station_registry.sites import places
from station_registry.sites.places import tell_places


async def _tell(registry: Registry) -> None:
    while await in_transaction(registry.engine, tell_places().work):
        pass


async def _told(registry: Registry) -> list[dict[str, Any]]:
    """Return what was told since the last call, in order."""
    await _tell(registry)
    events = await registry.events("station.placed")
    await registry.query("DELETE FROM outbox")
    return [event["data"] for event in events]


async def _places(registry: Registry) -> list[tuple[str, str | None, list[str]]]:
    told = await _told(registry)
    return [(place["station_id"], place["site_id"], place["tags"]) for place in told]


async def _change(registry: Registry, **values: Any) -> None:
    await registry.request("stations.change", station_id="S1", set=sorted(values), **values)


@pytest.fixture
async def at_harbour(registry: Registry) -> None:
    await registry.request("sites.create", site_id="harbour", name="Harbour")
    await registry.request(
        "stations.create", station_id="S1", site_id="harbour", tags=["fast", "public"]
    )


@pytest.mark.usefixtures("at_harbour")
async def test_a_place_is_told_once_after_each_change_of_it(registry: Registry) -> None:
    assert await _places(registry) == [("S1", "harbour", ["fast", "public"])]
    assert await _places(registry) == []
    await _change(registry, tags=["public"])
    await _change(registry, site_id=None)
    assert await _places(registry) == [("S1", None, ["public"])]
    await _change(registry, display_name="Left one", tags=["public"])
    assert await _places(registry) == []


@pytest.mark.usefixtures("at_harbour")
async def test_versions_rise_whatever_the_clock_says(registry: Registry) -> None:
    (first,) = await _told(registry)
    ahead = first["version"] + 10**12
    await registry.query("UPDATE station_place SET version = :ahead", ahead=ahead)
    await _change(registry, tags=[])
    (second,) = await _told(registry)
    assert second["version"] == ahead + 1


@pytest.mark.usefixtures("at_harbour")
async def test_a_station_that_is_deleted_stands_nowhere_when_it_comes_back_too(
    registry: Registry,
) -> None:
    await _told(registry)
    await registry.request("stations.delete", station_id="S1")
    assert await _places(registry) == [("S1", None, [])]
    await registry.request("stations.create", station_id="S1")
    assert await _places(registry) == []
    await _change(registry, site_id="harbour")
    assert await _places(registry) == [("S1", "harbour", [])]


@pytest.mark.usefixtures("at_harbour")
async def test_a_change_by_a_program_that_tells_nothing_is_told(registry: Registry) -> None:
    await _told(registry)
    await registry.query("UPDATE station SET tags = '{slow}' WHERE station_id = 'S1'")
    assert await _places(registry) == [("S1", "harbour", ["slow"])]


async def test_stations_without_a_place_are_not_told_of(registry: Registry) -> None:
    await registry.request("stations.create", station_id="S1")
    assert await _places(registry) == []


@pytest.mark.usefixtures("at_harbour")
async def test_a_change_while_places_are_told_is_told_after_it(registry: Registry) -> None:
    async with registry.engine.begin() as changing:
        await changing.execute(text("UPDATE station SET tags = '{}' WHERE station_id = 'S1'"))
        # Not yet known how it ends: nothing is told, and nobody waits.
        assert await _places(registry) == []
    assert await _places(registry) == [("S1", "harbour", [])]


async def test_many_places_are_told_in_bounded_rounds(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "TOLD_AT_ONCE", 10)
    await registry.query(
        "INSERT INTO station (station_id, registration_status, tags) "
        "SELECT 'S' || n, 'accepted', '{all}' "
        "FROM generate_series(1, 25) AS n"
    )
    rounds = 1
    while await in_transaction(registry.engine, tell_places().work):
        rounds += 1
    assert rounds == 3
    told = await _told(registry)
    assert sorted(place["station_id"] for place in told) == sorted(f"S{n}" for n in range(1, 26))


@pytest.mark.usefixtures("at_harbour")
async def test_a_place_is_told_to_the_tenant_of_the_station(registry: Registry) -> None:
    await _told(registry)
    await registry.query("UPDATE station SET tenant_id = 'north' WHERE station_id = 'S1'")
    await _tell(registry)
    (event,) = await registry.events("station.placed")
    assert (event["tenantid"], event["data"]["tags"]) == ("north", ["fast", "public"])
    for table in ("station_listing", "station_tag", "station_place"):
        rows = await registry.query(f"SELECT DISTINCT tenant_id FROM {table}")
        assert [row.tenant_id for row in rows] == ["north"], table
