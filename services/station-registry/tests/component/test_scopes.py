"""Who is limited to sites or tags sees the stations there, and what belongs to them."""

from typing import Any
from uuid import UUID

import pytest
from driven_registry import Registry
from stored_of_tenant import TASK

from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.requests import RequestItem, WithinScope
from csms_shared.contracts.scopes import Scope
from csms_shared.contracts.stations import STATION_OPERATIONS
from csms_shared.runtime.clock import now_ms
from csms_shared.service.requests_inbox import RequestsInbox

PLACES: dict[str, dict[str, Any]] = {
    "A": {"site_id": "harbour", "tags": ["fast"]},
    "B": {"site_id": "square", "tags": ["fast", "vip"]},
    "C": {"tags": ["vip"]},
    "D": {},
}
SCOPES: list[tuple[Scope, list[str], list[str]]] = [
    (Scope(site_ids=("harbour",)), ["A"], ["harbour"]),
    (Scope(tags=("vip",)), ["B", "C"], ["square"]),
    (Scope(tags=("fast", "vip")), ["A", "B", "C"], ["harbour", "square"]),
    (
        Scope(site_ids=("empty", "harbour"), tags=("vip",)),
        ["A", "B", "C"],
        ["empty", "harbour", "square"],
    ),
    (Scope(site_ids=("none",), tags=("none",)), [], []),
    (Scope(), [], []),
]


@pytest.fixture
async def fleet(registry: Registry) -> Registry:
    """Four stations that are connected, each with a job; one of three sites has none."""
    for site_id in ("harbour", "square", "empty"):
        await registry.request("sites.create", site_id=site_id, name=site_id)
    for number, (station_id, place) in enumerate(PLACES.items(), 1):
        await registry.request("stations.create", station_id=station_id, **place)
        await registry.send([registry.claim(station_id, f"c{number}")])
        deadline_ms = now_ms() + 60_000
        await registry.request(
            "jobs.create",
            station_id=station_id,
            job_id=UUID(int=number),
            deadline_ms=deadline_ms,
            **TASK,
        )
    return registry


async def _listed(registry: Registry, operation: str, name: str, **query: Any) -> list[str]:
    """Return what is on all pages, one on each."""
    page = await registry.request(operation, limit=1, **query)
    found = [getattr(one, name) for one in page.items]
    while page.next_cursor is not None:
        page = await registry.request(operation, limit=1, cursor=page.next_cursor, **query)
        found += [getattr(one, name) for one in page.items]
    return sorted(found)


@pytest.mark.parametrize(("scope", "stations", "sites"), SCOPES)
async def test_lists_hold_what_is_inside_and_nothing_else(
    fleet: Registry, scope: Scope, stations: list[str], sites: list[str]
) -> None:
    for operation in ("stations.list", "connections.list", "jobs.list"):
        assert await _listed(fleet, operation, "station_id", scope=scope) == stations, operation
    assert await _listed(fleet, "stations.list", "station_id", scope=scope, online=True) == stations
    assert await _listed(fleet, "stations.list", "station_id", scope=scope, online=False) == []
    tagged = [one for one in stations if "vip" in PLACES[one].get("tags", ())]
    assert await _listed(fleet, "stations.list", "station_id", scope=scope, tag="vip") == tagged
    assert await _listed(fleet, "sites.list", "site_id", scope=scope) == sites
    for number, station_id in enumerate(PLACES, 1):
        inside = [station_id] if station_id in stations else []
        listed = await _listed(fleet, "jobs.list", "station_id", scope=scope, station_id=station_id)
        assert listed == inside
        assert await _found(fleet, "jobs.get", scope, job_id=UUID(int=number)) == bool(inside)
    for site_id in ("harbour", "square", "empty", "none"):
        assert await _found(fleet, "sites.get", scope, site_id=site_id) == (site_id in sites)
    asked = [*PLACES, "A", "none", "\0"]
    among = await fleet.request("stations.in_scope", scope=scope, station_ids=asked)
    assert sorted(among) == stations


async def _found(registry: Registry, operation: str, scope: Scope, **named: Any) -> bool:
    try:
        await registry.request(operation, scope=scope, **named)
    except ProblemRaised as refused:
        if refused.problem.status != 404:
            raise
        return False
    return True


async def test_a_scope_follows_stations_at_once(fleet: Registry) -> None:
    scope = Scope(site_ids=("harbour",), tags=("vip",))
    await fleet.request("stations.change", station_id="A", set=["site_id"], site_id=None)
    await fleet.request("stations.change", station_id="D", set=["tags"], tags=["vip"])
    await fleet.request("stations.delete", station_id="C")
    assert await _listed(fleet, "stations.list", "station_id", scope=scope) == ["B", "D"]
    asked = await fleet.request("stations.in_scope", scope=scope, station_ids=list(PLACES))
    assert sorted(asked) == ["B", "D"]


async def test_without_a_scope_no_station_is_in_it(fleet: Registry) -> None:
    assert await fleet.request("stations.in_scope", station_ids=list(PLACES)) == []


async def test_another_tenants_stations_are_outside_every_scope(fleet: Registry) -> None:
    scope = Scope(site_ids=("harbour",), tags=("vip", "fast"))
    whose = {"tenant_id": "north", "scope": scope}
    for operation in ("stations.list", "connections.list", "jobs.list"):
        assert await _listed(fleet, operation, "station_id", **whose) == []
    assert await _listed(fleet, "sites.list", "site_id", **whose) == []
    assert await fleet.request("stations.in_scope", station_ids=list(PLACES), **whose) == []


async def test_operations_that_know_no_scope_are_refused_within_one(fleet: Registry) -> None:
    knowing = {name for name, model in STATION_OPERATIONS.items() if issubclass(model, WithinScope)}
    assert knowing == {
        "stations.list",
        "stations.in_scope",
        "connections.list",
        "sites.list",
        "sites.get",
        "jobs.list",
        "jobs.get",
        "messages.fleet",
        "overview.stations",
    }
    inbox = RequestsInbox(
        replies=fleet.replies(),
        operations=STATION_OPERATIONS,
        handlers=fleet.operations(),
    )
    for operation in STATION_OPERATIONS.keys() - knowing:
        item = RequestItem(operation=operation, parameters={}, scope=Scope(tags=("vip",)))
        problem = (await inbox.respond(item))["problem"]
        assert (problem["status"], problem["code"]) == (403, "outside_scope"), operation
