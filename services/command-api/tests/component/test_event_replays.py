"""Replays and system events, which integration-service makes and keeps."""

import secrets
from typing import Any

import httpx
import pytest
from command_api_fakes import Answer, Stations, api_key, is_problem

from csms_shared.contracts.event_store import ReplayView, StartReplay, SystemEventView

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.fixture
def replays(stations: Stations) -> dict[str, Answer]:
    """Have the store know replays, and return them by id."""
    known: dict[str, Answer] = {}

    def start(parameters: dict[str, Any]) -> Answer:
        asked = StartReplay.model_validate(parameters)
        assert asked.replay_id is not None
        id = str(asked.replay_id)
        view = ReplayView(
            replay_id=id,
            queue=f"replay.{id}",
            status="running",
            types=asked.types,
            station_id=asked.station_id,
            position=asked.after or 0,
            until=9,
            events=0,
            problem=None,
            created_by=asked.created_by,
            created_at="2026-11-24T00:00:00.000Z",
            ended_at=None,
        )
        return known.setdefault(id, view.model_dump())

    stations.store.service.operations |= {
        "events.start_replay": start,
        "events.get_replay": lambda asked: known[asked["replay_id"]],
        "events.stop_replay": lambda asked: known[asked["replay_id"]] | {"status": "stopped"},
        "events.list_replays": lambda _: {"items": list(known.values()), "next_cursor": None},
    }
    return known


async def test_an_operator_replays_events(
    admin: httpx.AsyncClient, replays: dict[str, Answer], stations: Stations
) -> None:
    operator = await api_key(admin, "operator")
    body = {"after": 4, "types": ["transaction.*"], "station_id": "CS-1"}
    made = await admin.post("/events/replays", json=body, headers=operator)
    assert made.status_code == 201, made.text
    replay = made.json()
    path = f"/events/replays/{replay['replay_id']}"
    assert made.headers["location"] == f"/api/v1{path}"
    assert (replay["types"], replay["station_id"]) == (["transaction.*"], "CS-1")
    assert (await admin.get(path)).json() == replay
    assert (await admin.get("/events/replays")).json()["items"] == [replay]
    stopped = await admin.post(f"{path}/stop", headers=operator)
    assert (stopped.status_code, stopped.json()["status"]) == (200, "stopped")
    audited = (await admin.get("/audit", params={"target": replay["replay_id"]})).json()["items"]
    assert [(one["target_type"], one["status"]) for one in audited] == [
        ("replays", 200),
        ("replays", 201),
    ]
    assert audited[0]["before"]["status"] == "running"


async def test_the_times_of_a_replay_are_passed_on(
    admin: httpx.AsyncClient, replays: dict[str, Answer], stations: Stations
) -> None:
    times = {"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00+01:00"}
    assert (await admin.post("/events/replays", json=times)).status_code == 201
    asked = stations.store.service.asked("events.start_replay")[-1]
    assert (asked["from_time"], asked["to_time"]) == (
        "2026-11-20T00:00:00.000Z",
        "2026-11-20T23:00:00.000Z",
    )


async def test_an_idempotency_key_begins_one_replay(
    admin: httpx.AsyncClient, replays: dict[str, Answer]
) -> None:
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    answers = [
        await admin.post("/events/replays", json={"after": 0}, headers=headers) for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert len(replays) == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"after": 1, "from": "2026-11-20T00:00:00Z"}, {"after": -1}, {"after": 1, "types": [""]}],
)
async def test_a_replay_that_begins_nowhere_or_twice_is_refused(
    admin: httpx.AsyncClient, body: Answer
) -> None:
    is_problem(await admin.post("/events/replays", json=body), 422, "validation_failed")


async def test_a_viewer_reads_replays_and_begins_none(
    admin: httpx.AsyncClient, replays: dict[str, Answer]
) -> None:
    viewer = await api_key(admin, "viewer")
    assert (await admin.get("/events/replays", headers=viewer)).status_code == 200
    is_problem(
        await admin.post("/events/replays", json={"after": 0}, headers=viewer), 403, "forbidden"
    )


async def test_system_events_are_asked_for_by_level_service_and_time(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    view = SystemEventView(
        position=7,
        time="2026-11-24T00:00:00.000Z",
        type="csms.system.started.v1",
        level="info",
        service="ws-gateway",
        instance="ws-gateway-1",
        message="started",
        data={},
    )
    page = {"items": [view.model_dump()], "next_cursor": None}
    stations.store.service.operations["events.list_system"] = lambda _: page
    query = {"level": "warning", "service": "ws-gateway", "from": "2026-11-24T00:00:00Z"}
    viewer = await api_key(admin, "viewer")
    answer = await admin.get("/system-events", params=query, headers=viewer)
    assert (answer.status_code, answer.json()) == (200, page)
    assert stations.store.service.asked("events.list_system")[-1] == {
        "level": "warning",
        "service": "ws-gateway",
        "from_time": "2026-11-24T00:00:00.000Z",
        "limit": 50,
    }
    is_problem(await admin.get("/system-events", params={"level": "bad"}), 422, "validation_failed")
