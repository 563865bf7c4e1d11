"""Requests for commands: repeated with their key, refused with a reason, and listed."""

import asyncio
import secrets
import time

import asyncpg
import httpx
import pytest
from command_api_fakes import Answer, Stations
from commands_over_rest import send

from csms_shared.runtime.clock import now_ms

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_the_same_idempotency_key_returns_the_same_command(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    first = await send(admin, station_id, headers=headers)
    second = await send(admin, station_id, headers=headers)
    assert second["command_id"] == first["command_id"]
    assert second["status"] == "completed"
    assert len(stations.gateway.commands_to(station_id)) == 1


async def test_concurrent_requests_with_one_key_make_one_command(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    answers = await asyncio.gather(*(send(admin, station_id, headers=headers) for _ in range(8)))
    assert len({answer["command_id"] for answer in answers}) == 1
    assert len(stations.gateway.commands_to(station_id)) == 1


async def test_a_used_key_with_another_body_or_path_is_refused(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    await send(admin, station_id, headers=headers)
    body = await send(admin, station_id, payload={"type": "Hard"}, status=422, headers=headers)
    path = await send(admin, stations.online(), status=422, headers=headers)
    assert body["code"] == path["code"] == "idempotency_key_reused"
    assert body["errors"][0]["field"] == "Idempotency-Key"


async def test_a_key_is_new_again_after_a_day(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    station_id = stations.online()
    key = secrets.token_hex(8)
    first = await send(admin, station_id, headers={"Idempotency-Key": key})
    await database.execute(
        "UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = $1", key
    )
    second = await send(admin, station_id, headers={"Idempotency-Key": key})
    assert second["command_id"] != first["command_id"]


async def test_a_payload_that_breaks_the_schema_is_refused_before_anything_is_sent(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    problem = await send(admin, station_id, payload={"type": "Medium", "x": 1}, status=422)
    assert problem["code"] == "payload_invalid"
    assert {error["field"] for error in problem["errors"]} == {"/type", "/x"}
    assert stations.gateway.commands_to(station_id) == []


async def test_unknown_stations_and_actions_are_404(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    assert (await send(admin, "nobody", status=404))["code"] == "unknown_station"
    station_id = stations.online()
    assert (await send(admin, station_id, "Explode", status=404))["code"] == "unknown_action"
    wrong_way = await send(admin, station_id, "BootNotification", status=404)
    assert wrong_way["code"] == "unknown_action"


async def test_pending_and_rejected_stations_are_409(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    pending, rejected = stations.online(status="pending"), stations.online(status="rejected")
    start = {"idTag": "TAG"}
    refused = await send(admin, pending, "RemoteStartTransaction", start, status=409)
    assert refused["code"] == "station_pending"
    assert (await send(admin, rejected, status=409))["code"] == "station_rejected"
    assert (await send(admin, pending, "GetConfiguration", {}))["status"] == "completed"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"wait": 61}, "wait"),
        ({"wait": "nan"}, "wait"),
        ({"wait": -1}, "wait"),
        ({"timeout": 301}, "timeout"),
        ({"timeout": 0}, "timeout"),
        ({"hold_until": "soon"}, "hold_until"),
        ({"hold_until": "2020-01-01T00:00:00Z"}, "hold_until"),
        ({"hold_until": "2099-01-01T00:00:00Z"}, "hold_until"),
    ],
)
async def test_query_parameters_out_of_bounds_are_named(
    admin: httpx.AsyncClient, stations: Stations, query: Answer, field: str
) -> None:
    problem = await send(admin, stations.online(), status=422, **query)
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_commands_are_listed_newest_first_with_filters_and_cursor(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    sent = [(await send(admin, station_id))["command_id"] for _ in range(3)]
    await send(admin, station_id, "ClearCache", {})
    query: dict[str, str | int] = {"station_id": station_id, "action": "Reset", "limit": 2}

    async def page(**more: str) -> Answer:
        answer = await admin.get("/commands", params={**query, **more})
        answer.raise_for_status()
        document: Answer = answer.json()
        return document

    first = await page()
    assert [item["command_id"] for item in first["items"]] == sent[:0:-1]
    second = await page(cursor=first["next_cursor"])
    assert [item["command_id"] for item in second["items"]] == sent[:1]
    assert second["next_cursor"] is None
    assert (await page(status="error"))["items"] == []
    for made_up in ("x", "", "\0", "W10"):
        bad = await admin.get("/commands", params={"cursor": made_up})
        assert (bad.status_code, bad.json()["code"]) == (422, "bad_cursor"), made_up


async def test_the_time_of_a_command_begins_when_the_registry_has_taken_its_profile(
    stations: Stations, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []

    def take_slowly(_: object) -> None:
        time.sleep(0.3)
        taken.append(now_ms())

    monkeypatch.setitem(stations.registry.operations, "stations.offer_profile", take_slowly)
    station_id = stations.online()
    payload = {"key": "SecurityProfile", "value": "2"}
    await send(admin, station_id, "ChangeConfiguration", payload, timeout=0.25)
    (command,) = stations.gateway.commands_to(station_id)
    assert command.deadline_ms >= taken[0] + 250
