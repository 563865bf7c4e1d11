"""Tenants, and how many stations each may have, against a real PostgreSQL."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from driven_registry import Registry, content_of
from pydantic import ValidationError

from csms_shared.contracts.control import Control, ControlKind
from csms_shared.contracts.ownership import ClaimReply, ReassertionReply
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.db.engine import in_transaction
from csms_shared.service.inbox import Reply
from station_registry.ownership.handlers import disconnecting
from station_registry.ownership.handlers.disconnecting import watch_suspended

_NORTH: dict[str, Any] = {
    "name": "North",
    "party_id": "NRT",
    "country_code": "DE",
    "time_zone": "Europe/Berlin",
    "max_stations": 3,
    "max_requests_per_s": 10,
}


async def _problem(registry: Registry, operation: str, **parameters: Any) -> tuple[int, str, str]:
    with pytest.raises(ProblemRaised) as raised:
        await registry.request(operation, **parameters)
    problem = raised.value.problem
    return problem.status, problem.code, ",".join(error.field for error in problem.errors)


async def _make(registry: Registry, tenant_id: str, **more: Any) -> Any:
    return await registry.request(
        "tenants.create", new_tenant_id=tenant_id, **({"name": tenant_id} | more)
    )


async def _change(registry: Registry, tenant_id: str, **values: Any) -> Any:
    return await registry.request(
        "tenants.change", changed_tenant_id=tenant_id, set=sorted(values), **values
    )


async def _counts(registry: Registry) -> dict[str, int]:
    """Return how many stations each tenant is said to have, which is what it has."""
    said = await registry.query("SELECT tenant_id, stations FROM tenant")
    has = await registry.query(
        "SELECT tenant_id, count(station_id) AS stations FROM tenant LEFT JOIN (SELECT * "
        "FROM station WHERE deleted_at IS NULL) AS s USING (tenant_id) GROUP BY 1"
    )
    counts = {row.tenant_id: row.stations for row in said}
    assert counts == {row.tenant_id: row.stations for row in has}
    return counts


def _answers(replies: list[Reply]) -> list[tuple[str, str, str]]:
    """Return outcome, tenant and detail of each answer to a claim."""
    said = [reply.content for reply in replies]
    return [
        (str(one.outcome), one.tenant_id, one.detail) for one in said if isinstance(one, ClaimReply)
    ]


async def test_there_is_the_default_tenant(registry: Registry) -> None:
    (tenant,) = (await registry.request("tenants.list")).items
    assert (tenant.tenant_id, tenant.status, tenant.max_stations) == ("default", "active", None)


async def test_a_tenant_is_made_once_told_and_shown_as_it_was_given(registry: Registry) -> None:
    made = await _make(registry, "north", **_NORTH)
    shown = made.model_dump(exclude={"created_at", "updated_at"})
    assert shown == {"tenant_id": "north", "status": "active", **_NORTH}
    assert await registry.request("tenants.get", named_tenant_id="north") == made
    taken = await _problem(registry, "tenants.create", new_tenant_id="north", name="Other")
    assert taken == (409, "tenant_exists", "tenant_id")
    (event,) = await registry.events()
    assert (event["type"], event["subject"], event["tenantid"], event["data"]) == (
        "csms.tenant.created.v1",
        "north",
        "north",
        shown,
    )


async def test_a_change_takes_over_what_is_given(registry: Registry) -> None:
    await _make(registry, "north", **_NORTH)
    changed = await _change(registry, "north", name="Nord", party_id=None, max_stations=None)
    assert (changed.name, changed.party_id, changed.max_stations) == ("Nord", None, None)
    assert (changed.country_code, changed.max_requests_per_s) == ("DE", 10)
    # Nothing is told of what is as it was.
    assert await _change(registry, "north", name="Nord") == changed
    assert await registry.event_types() == ["tenant.created", "tenant.updated"]
    for values in ({"name": None}, {"status": None}):
        problem = await _problem(
            registry, "tenants.change", changed_tenant_id="north", set=list(values), **values
        )
        assert problem == (422, "invalid_request", next(iter(values)))


async def test_the_tenant_of_whoever_runs_the_deployment_is_not_suspended(
    registry: Registry,
) -> None:
    problem = await _problem(
        registry,
        "tenants.change",
        changed_tenant_id="default",
        set=["name", "status"],
        name="Ours",
        status="suspended",
    )
    assert problem == (409, "default_tenant", "status")
    (tenant,) = (await registry.request("tenants.list")).items
    assert tenant.status == "active"
    assert (await _change(registry, "default", name=tenant.name, status="active")) == tenant


async def test_a_tenants_stations_are_counted(registry: Registry) -> None:
    await _make(registry, "north")
    for tenant_id in ("north", "north", "default"):
        station_id = f"{tenant_id}-{len(await registry.query('SELECT 1 FROM station'))}"
        await registry.request("stations.create", station_id=station_id, tenant_id=tenant_id)
        if station_id != "north-0":
            await registry.send([registry.claim(station_id, f"c-{station_id}")])
    counts = await registry.request("fleet.counts", tenant_id="north")
    assert (counts.stations, counts.stations_online, counts.stations_unconfirmed) == (2, 1, 0)
    counts = await registry.request("fleet.counts", tenant_id="nobody")
    assert (counts.stations, counts.stations_online, counts.stations_unconfirmed) == (0, 0, 0)


@pytest.mark.parametrize("tenant_id", ["none", "a\0b", ""])
async def test_a_tenant_that_there_is_not_is_not_found(registry: Registry, tenant_id: str) -> None:
    unknown = (404, "unknown_tenant", "")
    assert await _problem(registry, "tenants.get", named_tenant_id=tenant_id) == unknown
    assert (
        await _problem(registry, "tenants.change", changed_tenant_id=tenant_id, set=[]) == unknown
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("new_tenant_id", "North"),
        ("new_tenant_id", "-a"),
        ("new_tenant_id", "a" * 41),
        ("new_tenant_id", "a\0"),
        ("name", " "),
        ("party_id", "ab"),
        ("country_code", "XX"),
        ("time_zone", "Mars/Base"),
        ("max_stations", -1),
        ("max_stations", 10**400),
        ("max_requests_per_s", 0),
    ],
)
async def test_what_no_tenant_can_be_is_refused_by_its_field(
    registry: Registry, field: str, value: object
) -> None:
    with pytest.raises(ValidationError) as raised:
        await registry.request(
            "tenants.create", **{"new_tenant_id": "n", "name": "N", field: value}
        )
    assert {error["loc"][0] for error in raised.value.errors()} == {field}


async def test_tenants_are_listed_by_id_and_found_by_id_and_name(registry: Registry) -> None:
    for tenant_id, name in (("a", "Übach"), ("b", "Bonn")):
        await _make(registry, tenant_id, name=name)

    async def listed(**query: Any) -> list[str]:
        return [one.tenant_id for one in (await registry.request("tenants.list", **query)).items]

    page = await registry.request("tenants.list", limit=2)
    assert [one.tenant_id for one in page.items] == ["a", "b"]
    assert await listed(limit=2, cursor=page.next_cursor) == ["default"]
    assert await listed(q="ÜBACH") == ["a"]
    assert await listed(q="b") == ["a", "b"]
    assert await listed(q="%") == []


async def test_no_more_stations_are_created_than_the_quota_however_many_at_once(
    registry: Registry,
) -> None:
    await _make(registry, "north", max_stations=3)
    outcomes = await asyncio.gather(
        *(
            registry.request("stations.create", station_id=f"S{n}", tenant_id="north")
            for n in range(8)
        ),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, ProblemRaised)]
    assert {one.problem.code for one in refused} == {"station_quota_reached"}
    assert {one.problem.status for one in refused} == {409}
    assert "3 stations" in refused[0].problem.detail
    assert await _counts(registry) == {"default": 0, "north": 3}
    # Where one goes, another may come.
    (some, *_) = await registry.query("SELECT station_id FROM station")
    await registry.request("stations.delete", station_id=some.station_id, tenant_id="north")
    await registry.request("stations.create", station_id="S9", tenant_id="north")
    assert await _counts(registry) == {"default": 0, "north": 3}


async def test_a_station_of_a_tenant_that_there_is_not_is_not_created(registry: Registry) -> None:
    problem = await _problem(registry, "stations.create", station_id="A", tenant_id="none")
    assert problem == (404, "unknown_tenant", "")


async def test_no_more_unknown_stations_are_taken_in_than_the_tenant_may_have(
    registry: Registry,
) -> None:
    await _make(registry, "north", max_stations=3)
    registry.policies = replace(registry.policies, unknown_stations_tenant="north")
    batches = [[registry.claim(f"S{n}{m}", f"c{n}{m}") for m in range(4)] for n in range(3)]
    replies = await asyncio.gather(*(registry.send(batch) for batch in batches))
    answers = [answer for each in replies for answer in _answers(each)]
    detail = "the tenant north has all of its 3 stations"
    assert sorted(answers) == [
        *[("accepted", "north", "")] * 3,
        *[("too_many_unknown_stations", "default", detail)] * 9,
    ]
    assert await _counts(registry) == {"default": 0, "north": 3}


async def test_unknown_stations_of_no_tenant_or_a_suspended_one_are_not_taken_in(
    registry: Registry,
) -> None:
    registry.policies = replace(registry.policies, unknown_stations_tenant="north")
    ((outcome, _, detail),) = _answers(await registry.send([registry.claim("A", "c1")]))
    assert (outcome, "there is no tenant north" in detail) == ("too_many_unknown_stations", True)
    await _make(registry, "north")
    await _change(registry, "north", status="suspended")
    ((outcome, _, detail),) = _answers(await registry.send([registry.claim("A", "c1")]))
    assert (outcome, "is suspended" in detail) == ("too_many_unknown_stations", True)
    assert await _counts(registry) == {"default": 0, "north": 0}


async def test_the_count_is_that_of_the_stations_whatever_happens_to_them(
    registry: Registry,
) -> None:
    """Stations come and go in any way, also that of the release before, at once."""
    dice = random.Random(7)
    await _make(registry, "north", max_stations=4)

    async def one(number: int) -> None:
        station_id, tenant_id = f"S{dice.randrange(6)}", dice.choice(("default", "north"))
        match dice.randrange(4):
            case 0:
                await registry.request(
                    "stations.create", station_id=station_id, tenant_id=tenant_id
                )
            case 1:
                await registry.request(
                    "stations.delete", station_id=station_id, tenant_id=tenant_id
                )
            case 2:
                await registry.send([registry.claim(station_id, f"c{number}")])
            case _:
                await registry.query(
                    "INSERT INTO station (station_id, registration_status) VALUES (:id, 'accepted')"
                    " ON CONFLICT (station_id) DO UPDATE SET deleted_at = NULL "
                    "WHERE station.deleted_at IS NOT NULL",
                    id=f"old-{station_id}",
                )

    for turn in range(15):
        outcomes = await asyncio.gather(
            *(one(turn * 10 + number) for number in range(5)), return_exceptions=True
        )
        wrong = [
            each
            for each in outcomes
            if isinstance(each, Exception) and not isinstance(each, ProblemRaised)
        ]
        assert wrong == []
        assert (await _counts(registry))["north"] <= 4


async def test_the_answer_to_a_claim_says_whose_the_station_is(registry: Registry) -> None:
    await _make(registry, "north")
    await registry.request("stations.create", station_id="A", tenant_id="north")
    replies = await registry.send([registry.claim("A", "c1"), registry.claim("B", "c2")])
    assert _answers(replies) == [("accepted", "north", ""), ("accepted", "default", "")]


async def test_a_suspended_tenants_stations_are_refused_until_it_is_active(
    registry: Registry,
) -> None:
    await _make(registry, "north")
    await registry.request(
        "stations.create", station_id="A", tenant_id="north", credential_proofs=["aa"]
    )
    claim = registry.claim("A", "c1", credential_proofs=["aa"])
    await registry.send([claim])
    await _change(registry, "north", status="suspended")
    # A repeated claim, a new one, one that nobody may know anything from, and another tenant's.
    replies = await registry.send(
        [
            claim,
            registry.claim("A", "c2", credential_proofs=["aa"]),
            registry.claim("A", "c3"),
            registry.claim("B", "c4"),
        ]
    )
    assert [outcome for outcome, _, _ in _answers(replies)] == [
        "tenant_suspended",
        "tenant_suspended",
        "bad_credentials",
        "accepted",
    ]
    await _change(registry, "north", status="active")
    (reply, *_) = await registry.send([registry.claim("A", "c5", credential_proofs=["aa"])])
    assert content_of(reply, ClaimReply).tenant_id == "north"


async def _connected(registry: Registry) -> list[str]:
    rows = await registry.query("SELECT station_id FROM station_connection ORDER BY 1")
    return [row.station_id for row in rows]


async def _disconnect(registry: Registry) -> list[Control]:
    """Do the task as upkeep does, and return what gateways are told."""
    told: list[Control] = []

    async def tell(replies: Sequence[Reply]) -> None:
        told.extend(content_of(reply, Control) for reply in replies)

    task = watch_suspended(tell)
    while await in_transaction(registry.engine, task.work):
        pass
    return told


async def test_suspending_a_tenant_disconnects_its_stations_page_by_page_and_no_others(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disconnecting, "DISCONNECTED_AT_ONCE", 2)
    await _make(registry, "north")
    for number in range(5):
        await registry.request("stations.create", station_id=f"N{number}", tenant_id="north")
    await registry.send([registry.claim(f"N{n}", f"c{n}") for n in range(5)])
    await registry.send([registry.claim("S", "c9")])
    assert await _disconnect(registry) == []
    await _change(registry, "north", status="suspended")
    told = await _disconnect(registry)
    assert [(one.kind, one.station_id, one.epoch) for one in told] == [
        (ControlKind.CLOSE, f"N{number}", 1) for number in range(5)
    ]
    assert await _connected(registry) == ["S"]
    offline = await registry.events("station.offline")
    assert {(one["subject"], one["tenantid"], one["data"]["reason"]) for one in offline} == {
        (f"N{number}", "north", "tenant_suspended") for number in range(5)
    }
    # Also where a gateway missed it, or the lease of one that comes back had run out.
    (reply,) = await registry.send([registry.reassertion("N0", "c0", 1)])
    assert content_of(reply, ReassertionReply).superseded == ["c0"]


async def test_a_connection_whose_gateway_was_away_is_not_given_back_to_a_suspended_tenant(
    registry: Registry,
) -> None:
    await _make(registry, "north")
    await registry.request("stations.create", station_id="A", tenant_id="north")
    await registry.send([registry.claim("A", "c1")])
    await registry.query("DELETE FROM station_connection")
    await _change(registry, "north", status="suspended")
    (reply,) = await registry.send([registry.reassertion("A", "c1", 1)])
    assert content_of(reply, ReassertionReply).superseded == ["c1"]
    assert await _connected(registry) == []


async def test_a_suspended_tenants_connections_are_looked_for_until_none_can_come(
    registry: Registry,
) -> None:
    await _make(registry, "north")
    await registry.request("stations.create", station_id="A", tenant_id="north")
    await registry.send([registry.claim("A", "c1")])
    await _change(registry, "north", status="suspended")
    assert len(await _disconnect(registry)) == 1
    # A claim that was decided before, and is stored now.
    await registry.query(
        "INSERT INTO station_connection VALUES ('A', 'gw-1', 'c2', 2, 'ocpp16', 'a', now())"
    )
    assert len(await _disconnect(registry)) == 1
    until = "SELECT disconnect_until FROM tenant WHERE tenant_id = 'north'"
    assert (await registry.query(until))[0].disconnect_until is not None
    await registry.query("UPDATE tenant SET disconnect_until = now() - interval '1 second' "
                         "WHERE tenant_id = 'north'")  # fmt: skip
    assert await _disconnect(registry) == []
    assert (await registry.query(until))[0].disconnect_until is None


async def test_a_tenant_that_is_active_again_is_not_disconnected(registry: Registry) -> None:
    await _make(registry, "north")
    await registry.request("stations.create", station_id="A", tenant_id="north")
    await registry.send([registry.claim("A", "c1")])
    await _change(registry, "north", status="suspended")
    await _change(registry, "north", status="active")
    assert await _disconnect(registry) == []
    assert await _connected(registry) == ["A"]
