"""Recorded frames and refused handshakes through REST."""

import json
from typing import Any, NoReturn

import httpx
import pytest
from command_api_fakes import Stations, is_problem

from csms_shared.contracts.refusals import refuse

pytestmark = pytest.mark.asyncio(loop_scope="package")

REFUSAL = {
    "id": 5,
    "station_id": "A",
    "remote_address": "192.0.2.1",
    "reason": "bad_credentials",
    "detail": "the station's password is missing or wrong",
    "http_status": 401,
    "times": 3,
    "first_at": "2026-01-01T00:00:00.000Z",
    "last_at": "2026-01-01T00:00:09.000Z",
    "gateway_id": "g",
}


async def test_filters_and_cursor_reach_the_registry(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["messages.list"] = lambda _: {"items": [], "next_cursor": "n"}
    answer = await admin.get(
        "/stations/A/messages?from=2026-01-01T00:00:00Z&to=2026-01-02T01:00:00%2B01:00"
        "&action=Heartbeat&direction=in&message_id=7&level=error&q=x&limit=3&cursor=c"
    )
    assert answer.json() == {"items": [], "next_cursor": "n"}
    assert stations.registry.asked("messages.list")[-1] == {
        "station_id": "A",
        "sent_from": "2026-01-01T00:00:00.000Z",
        "sent_to": "2026-01-02T00:00:00.000Z",
        "action": "Heartbeat",
        "direction": "in",
        "message_id": "7",
        "level": "error",
        "q": "x",
        "limit": 3,
        "cursor": "c",
    }
    is_problem(await admin.get("/stations/A/messages?direction=up"), 422, "validation_failed")
    is_problem(await admin.get("/stations/A/messages?from=never"), 422, "validation_failed")


async def test_frames_of_all_stations_are_asked_for_with_their_filters(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["messages.fleet"] = lambda _: {"items": [], "next_cursor": "n"}
    answer = await admin.get(
        "/messages?from=2026-01-01T00:00:00Z&to=2026-01-02T01:00:00%2B01:00&station_id=A"
        "&action=Heartbeat&direction=in&level=warning&limit=3&cursor=c"
    )
    assert answer.json() == {"items": [], "next_cursor": "n"}
    assert stations.registry.asked("messages.fleet")[-1] == {
        "station_id": "A",
        "level": "warning",
        "sent_from": "2026-01-01T00:00:00.000Z",
        "sent_to": "2026-01-02T00:00:00.000Z",
        "action": "Heartbeat",
        "direction": "in",
        "limit": 3,
        "cursor": "c",
    }
    is_problem(await admin.get("/messages?level=fatal"), 422, "validation_failed")


async def test_an_export_is_every_page_as_lines_with_an_end(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    pages: dict[str | None, dict[str, Any]] = {
        None: {"items": [{"at": "1", "n": 1}, {"at": "2", "n": 2}], "next_cursor": "a"},
        "a": {"items": [], "next_cursor": "b"},
        "b": {"items": [{"at": "3", "n": 3}], "next_cursor": None},
    }

    def page(parameters: dict[str, Any]) -> dict[str, Any]:
        assert parameters["order"] == "oldest"
        return pages[parameters.get("cursor")]

    stations.registry.operations["messages.list"] = page
    answer = await admin.get("/stations/A/messages.jsonl?action=X")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(text) for text in answer.text.splitlines()]
    assert [item.get("n") for item in lines] == [1, 2, 3, None]
    assert lines[-1] == {"end": "complete"}


async def test_an_export_that_is_interrupted_or_too_long_says_so(
    admin: httpx.AsyncClient, stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    def page(parameters: dict[str, Any]) -> dict[str, Any]:
        if "cursor" in parameters:
            raise refuse(409, "whatever", "broken")
        return {"items": [{"at": "1"}], "next_cursor": "a"}

    stations.registry.operations["messages.list"] = page
    answer = await admin.get("/stations/A/messages.jsonl")
    assert json.loads(answer.text.splitlines()[-1]) == {"end": "interrupted", "next_from": "1"}
    monkeypatch.setattr("command_api.http.routes.messages.EXPORT_MAX", 1)
    answer = await admin.get("/stations/A/messages.jsonl")
    assert json.loads(answer.text.splitlines()[-1]) == {"end": "limit_reached", "next_from": "1"}

    def unknown(_: dict[str, Any]) -> NoReturn:
        raise refuse(404, "not_found", "no such station")

    stations.registry.operations["messages.list"] = unknown
    is_problem(await admin.get("/stations/A/messages.jsonl"), 404, "not_found")


async def test_refusals_come_with_what_to_check(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    listed = {"items": [REFUSAL, {**REFUSAL, "reason": "new"}], "next_cursor": None}
    stations.registry.operations["refusals.list"] = lambda _: listed
    first, second = (
        await admin.get("/refusals?station_id=A&reason=r&from=2026-01-01T00:00:00Z")
    ).json()["items"]
    assert first.items() >= REFUSAL.items()
    assert first["title"] == "The password is missing or wrong"
    assert first["check"]
    assert second["check"] == ["What is wrong is in detail."]
    assert stations.registry.asked("refusals.list")[-1] == {
        "station_id": "A",
        "reason": "r",
        "refused_from": "2026-01-01T00:00:00.000Z",
        "limit": 50,
    }
    await admin.get("/stations/B/refusals")
    assert stations.registry.asked("refusals.list")[-1] == {"station_id": "B", "limit": 50}
    stations.registry.operations["refusals.get"] = lambda _: REFUSAL
    assert (await admin.get("/refusals/5")).json() == first
    is_problem(await admin.get("/refusals/x"), 422, "validation_failed")


async def test_a_station_shows_why_it_was_last_refused(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    stations.registry.operations["stations.get"] = lambda _: {
        "connectors": [],
        "last_refusal": REFUSAL,
    }
    shown = (await admin.get(f"/stations/{station_id}")).json()["last_refusal"]
    assert (shown["reason"], shown["title"]) == (
        "bad_credentials",
        "The password is missing or wrong",
    )
