"""One command for many stations, through REST."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest
from command_api_fakes import Stations, api_key, eventually, is_problem, silent
from tenants_of_api import Tenants, key_of

from csms_shared.contracts.refusals import refuse

pytestmark = pytest.mark.asyncio(loop_scope="package")

Fleet = dict[str, dict[str, Any]]
RESET = {"type": "Soft"}


@pytest.fixture
def tenants(stations: Stations) -> Tenants:
    known = Tenants()
    known.answer_in(stations.registry)
    return known


@pytest.fixture
def fleet(stations: Stations) -> Fleet:
    """Stations as the registry lists them, by id."""
    listed: Fleet = {}

    def list_stations(parameters: dict[str, Any]) -> dict[str, Any]:
        found = [
            station
            for station_id, station in sorted(listed.items())
            if station_id > parameters.get("cursor", "")
            and parameters.get("site_id") in (None, station["site_id"])
            and (parameters.get("tag") is None or parameters["tag"] in station["tags"])
        ]
        shown = found[: parameters["limit"]]
        more = len(found) > len(shown)
        return {"items": shown, "next_cursor": shown[-1]["station_id"] if more else None}

    def get_site(parameters: dict[str, Any]) -> dict[str, Any]:
        if parameters["site_id"] not in {one["site_id"] for one in listed.values()} | {"empty"}:
            raise refuse(404, "not_found", "there is no such site")
        return parameters

    stations.registry.operations["stations.list"] = list_stations
    stations.registry.operations["sites.get"] = get_site
    return listed


def listed(fleet: Fleet, station_id: str, site_id: str = "H", *tags: str) -> str:
    fleet[station_id] = {"station_id": station_id, "site_id": site_id, "tags": list(tags)}
    return station_id


def reset(to: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"action": "Reset", "payload": RESET, "to": to, **more}


async def send(client: httpx.AsyncClient, to: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await client.post("/command-groups", json=reset(to, **more))
    assert answer.status_code == 202, answer.text
    group: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/v1/command-groups/{group['command_group_id']}"
    return group


async def becomes(
    client: httpx.AsyncClient, group: dict[str, Any], within_s: float = 20, **fields: Any
) -> dict[str, Any]:
    async def get() -> dict[str, Any]:
        found: dict[str, Any] = (
            await client.get(f"/command-groups/{group['command_group_id']}")
        ).json()
        return found

    return await eventually(
        get, lambda found: all(found[name] == fields[name] for name in fields), within_s
    )


async def results(client: httpx.AsyncClient, group: dict[str, Any]) -> dict[str, str]:
    """Return the status of each station's command, read page by page."""
    found: dict[str, str] = {}
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = (
            await client.get(f"/command-groups/{group['command_group_id']}/commands", params=query)
        ).json()
        found |= {one["station_id"]: one["status"] for one in page["items"]}
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


async def test_stations_of_a_site_with_a_tag_get_one_command_each_with_its_own_result(
    admin: httpx.AsyncClient, stations: Stations, fleet: Fleet
) -> None:
    online = [listed(fleet, stations.online(), "H", "fast") for _ in range(3)]
    offline = listed(fleet, stations.offline(), "H", "fast")
    others = [
        listed(fleet, stations.online(), "H"),
        listed(fleet, stations.online(), "K", "fast"),
    ]
    group = await send(admin, {"site_id": "H", "tag": "fast"})
    ended = await becomes(admin, group, status="completed")
    assert ended["commands"] == {"completed": 3, "station_offline": 1}
    assert await results(admin, group) == {
        **dict.fromkeys(online, "completed"),
        offline: "station_offline",
    }
    assert [len(stations.gateway.commands_to(one)) for one in online] == [1, 1, 1]
    assert not any(stations.gateway.commands_to(one) for one in others)


async def test_a_station_that_was_deleted_has_its_result_as_the_others_have(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    there, gone = stations.online(), f"gone-{secrets.token_hex(6)}"
    group = await send(admin, {"station_ids": [there, gone, there]})
    await becomes(admin, group, status="completed")
    assert await results(admin, group) == {there: "completed", gone: "error"}


async def test_commands_wait_for_offline_stations_where_that_is_asked(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.offline()
    group = await send(admin, {"station_ids": [station_id]}, hold_until=_in_an_hour())
    await becomes(admin, group, commands={"waiting": 1}, is_expanded=True)
    stations.online(station_id)
    await stations.emit_connected(station_id)
    await becomes(admin, group, status="completed", commands={"completed": 1})


async def test_what_was_not_sent_of_a_cancelled_group_ends(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    names = [stations.offline() for _ in range(3)]
    group = await send(admin, {"station_ids": names}, hold_until=_in_an_hour())
    await becomes(admin, group, commands={"waiting": 3})
    path = f"/command-groups/{group['command_group_id']}"
    for _ in range(2):
        answer = await admin.post(f"{path}/cancel")
        assert answer.status_code == 200, answer.text
    await becomes(admin, group, status="cancelled", commands={"error": 3})
    page = (await admin.get(f"{path}/commands?status=error")).json()
    assert {one["error"]["code"] for one in page["items"]} == {"CANCELLED"}


async def test_a_group_that_is_over_is_not_cancelled(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    group = await send(admin, {"station_ids": [stations.online()]})
    await becomes(admin, group, status="completed")
    answer = await admin.post(f"/command-groups/{group['command_group_id']}/cancel")
    is_problem(answer, 409, "command_group_completed")


async def test_the_same_key_stands_for_the_same_group(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id, key = stations.online(), {"Idempotency-Key": secrets.token_hex(8)}
    body = reset({"station_ids": [station_id]})
    answers = [await admin.post("/command-groups", json=body, headers=key) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {202}
    first, second = (answer.json()["command_group_id"] for answer in answers)
    assert first == second
    await becomes(admin, answers[0].json(), status="completed")
    assert len(stations.gateway.commands_to(station_id)) == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (reset({"site_id": "nowhere"}), 422, "unknown_site"),
        (reset({"site_id": "empty"}), 422, "no_stations"),
        (reset({"tag": "nobody's"}), 422, "no_stations"),
        (reset({}), 422, "validation_failed"),
        (reset({"station_ids": []}), 422, "validation_failed"),
        (reset({"tag": "t", "station_ids": ["S"]}), 422, "validation_failed"),
        (reset({"station_ids": ["S"] * 1001}), 422, "validation_failed"),
        ({"action": "Reset", "payload": RESET}, 422, "validation_failed"),
        (reset({"tag": "t"}, type="Soft"), 422, "validation_failed"),
        (reset({"station_ids": ["S"]}, payload={"type": "Loud"}), 422, "payload_invalid"),
        (reset({"station_ids": ["S"]}, action="Nothing"), 404, "unknown_action"),
        (reset({"station_ids": ["S"]}, action="RemoteStopTransaction"), 422, "not_for_many"),
        (reset({"station_ids": ["S"]}, action="SetChargingProfile"), 422, "not_for_many"),
        (
            reset(
                {"station_ids": ["S"]},
                action="ChangeConfiguration",
                payload={"key": "authorizationKEY", "value": "x" * 20},
            ),
            422,
            "not_for_many",
        ),
        (
            reset(
                {"station_ids": ["S"]},
                action="ChangeConfiguration",
                payload={"key": "SecurityProfile", "value": "2"},
            ),
            422,
            "not_for_many",
        ),
    ],
)
async def test_what_is_not_for_many_is_refused(
    admin: httpx.AsyncClient, fleet: Fleet, body: Any, status: int, code: str
) -> None:
    is_problem(await admin.post("/command-groups", json=body), status, code)


async def test_a_tenants_group_reaches_its_own_stations_alone_and_others_do_not_see_it(
    admin: httpx.AsyncClient,
    nobody: httpx.AsyncClient,
    stations: Stations,
    fleet: Fleet,
    tenants: Tenants,
) -> None:
    north, south = tenants.new(), tenants.new()
    mine, other = stations.online(), stations.online()
    stations.owners[mine]["tenant_id"] = north
    keys = [await key_of(admin, tenant_id) for tenant_id in (north, south)]
    body = reset({"station_ids": [mine, other]})
    path = "/api/v1/command-groups"
    made = (await nobody.post(path, json=body, headers=keys[0])).json()
    acting = {"Authorization": admin.headers["Authorization"], "X-Tenant": north}
    assert made["tenant_id"] == north

    async def found() -> dict[str, Any]:
        answer = await nobody.get(f"{path}/{made['command_group_id']}", headers=acting)
        group: dict[str, Any] = answer.json()
        return group

    await eventually(found, lambda group: group["status"] == "completed")
    page = await nobody.get(f"{path}/{made['command_group_id']}/commands", headers=keys[0])
    items = page.json()["items"]
    assert {(one["station_id"], one["status"], one["tenant_id"]) for one in items} == {
        (mine, "completed", north),
        (other, "error", north),
    }
    assert stations.gateway.commands_to(other) == []
    nothing = str(UUID(int=0))
    for method, part in (("GET", ""), ("GET", "/commands"), ("POST", "/cancel")):
        answers = [
            await nobody.request(method, f"{path}/{group_id}{part}", headers=keys[1])
            for group_id in (made["command_group_id"], nothing)
        ]
        problems = [is_problem(answer, 404, "not_found") for answer in answers]
        assert (
            problems[0]["detail"].replace(made["command_group_id"], nothing)
            == (problems[1]["detail"])
        )
    assert (await nobody.get(path, headers=keys[1])).json()["items"] == []
    before = len(stations.registry.tenants)
    listed(fleet, mine, "N")
    to = reset({"site_id": "N"})
    made = (await nobody.post(path, json=to, headers=keys[0])).json()
    await eventually(found, lambda group: group["status"] == "completed")
    registry = stations.registry
    asked = zip(registry.requests[before:], registry.tenants[before:], strict=True)
    assert {tenant for (operation, _), tenant in asked if operation == "stations.list"} == {north}


async def test_operators_send_and_viewers_read(admin: httpx.AsyncClient) -> None:
    viewer = await api_key(admin, "viewer")
    anonymous = httpx.AsyncClient(base_url=admin.base_url, headers=viewer, trust_env=False)
    async with anonymous as client:
        body = reset({"station_ids": ["S"]})
        assert (await client.post("/command-groups", json=body)).status_code == 403
        assert (await client.get("/command-groups")).status_code == 200
        is_problem(await client.get("/command-groups/none"), 404, "not_found")


async def test_a_group_has_few_commands_under_way_and_holds_up_no_other(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    names = [stations.online() for _ in range(500)]
    for name in names:
        stations.gateway.script[name] = silent
    group = await send(admin, {"station_ids": names})
    await becomes(admin, group, commands={"pending": 200})
    other = stations.online()
    answer = await admin.post(f"/stations/{other}/commands/Reset", json=RESET)
    assert answer.json()["status"] == "completed"
    still = await becomes(admin, group, is_expanded=False)
    assert sum(still["commands"].values()) == 200
    await admin.post(f"/command-groups/{group['command_group_id']}/cancel")
    await database.execute(
        "UPDATE commands SET attempt_deadline = now() - interval '1 hour' "
        "WHERE command_group_id = $1 AND status = 'pending'",
        UUID(group["command_group_id"]),
    )
    await becomes(admin, group, status="cancelled")


async def test_the_end_of_a_group_is_told_once_with_its_counts(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    async with admin.stream(
        "GET", "/events", params={"type": "csms.command_group.completed.v1"}
    ) as lines:
        group = await send(admin, {"station_ids": [stations.online(), stations.offline()]})
        async for line in lines.aiter_lines():
            if group["command_group_id"] in line:
                told = orjson.loads(line.removeprefix("data:"))["data"]
                assert told["commands"] == {"completed": 1, "station_offline": 1}
                return


def _in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()
