"""Pages of the events that are kept."""

import secrets
from typing import Any

import httpx
import pytest
from command_api_fakes import Answer, Stations, is_problem

pytestmark = pytest.mark.asyncio(loop_scope="package")

SCOPE = {"tags": ["fast"]}


async def pages(client: httpx.AsyncClient, **query: Any) -> tuple[list[Answer], int]:
    """Return the items of all pages, and how many pages there were."""
    items: list[Answer] = []
    count = 0
    while True:
        answer = await client.get("/events/history", params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        count += 1
        items += page["items"]
        if page["next_cursor"] is None:
            return items, count
        query["cursor"] = page["next_cursor"]


async def emitted(stations: Stations, *told: tuple[str, str]) -> int:
    """Emit events of these keys and stations; return the position before them."""
    before = len(stations.store.events)
    for number, (key, station_id) in enumerate(told):
        await stations.emit(key, station_id, {"number": number})
    return before


async def test_each_event_is_there_once_in_the_order_of_positions(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    mine, other = stations.offline(), stations.offline()
    told = [("connector.status_changed", one) for one in (mine, *[other] * 90, mine, mine)]
    before = await emitted(stations, *told)
    items, count = await pages(admin, after=before, station_id=mine, limit=2)
    assert count == 2
    positions = [item["position"] - before for item in items]
    assert len(positions) == 3
    assert positions[0] < positions[0] + 90 < positions[1] < positions[2]
    assert [item["event"]["data"]["number"] for item in items] == [0, 91, 92]


async def test_a_cursor_is_a_position(admin: httpx.AsyncClient, stations: Stations) -> None:
    mine = stations.offline()
    before = await emitted(stations, *[("station.online", mine)] * 3)
    page = (await admin.get("/events/history", params={"after": before, "limit": 1})).json()
    rest = await admin.get(
        "/events/history", params={"after": page["next_cursor"], "station_id": mine}
    )
    assert page["items"][0]["position"] == before + 1
    assert len(rest.json()["items"]) == 2


async def test_events_are_filtered_by_type_and_by_time(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    mine = stations.offline()
    keys = ("transaction.corrected", "transaction.stopped", "station.online")
    before = await emitted(stations, *[(key, mine) for key in keys])
    query: Answer = {"after": before, "type": ["transaction.*", "job"]}
    items, _ = await pages(admin, **query)
    assert [item["event"]["type"] for item in items] == [
        "csms.transaction.corrected.v1",
        "csms.transaction.stopped.v1",
    ]
    for number, at in enumerate(("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")):
        event = items[number]["event"]
        stations.store.events[items[number]["position"] - 1] = {**event, "time": at}
    times = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    found, _ = await pages(admin, **query, **times)
    assert [item["position"] for item in found] == [items[0]["position"]]


async def test_who_is_limited_gets_what_is_of_stations_in_the_scope(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    inside, outside = stations.offline(), stations.offline()
    stations.inside |= {inside}
    key = {"name": secrets.token_hex(6), "role": "viewer", "scope": SCOPE}
    made = await admin.post("/api-keys", json=key)
    headers = {"X-API-Key": made.json()["key"]}
    before = await emitted(
        stations,
        ("id_token.changed", inside),
        *[("station.online", outside)] * 3,
        ("station.online", inside),
    )
    answer = await admin.get("/events/history", params={"after": before}, headers=headers)
    page = answer.json()
    assert [item["event"]["data"]["number"] for item in page["items"]] == [4]
    assert page["next_cursor"] is None
    for path in ("/events/replays", "/system-events"):
        is_problem(await admin.get(path, headers=headers), 403, "outside_scope")


@pytest.mark.parametrize(
    ("name", "value"),
    [("after", "-1"), ("cursor", "soon"), ("type", "tränsaction"), ("from", "never")],
)
async def test_what_is_wrong_is_named(admin: httpx.AsyncClient, name: str, value: str) -> None:
    problem = is_problem(
        await admin.get("/events/history", params={name: value}), 422, "validation_failed"
    )
    assert problem["errors"][0]["field"].partition(".")[0] == name
