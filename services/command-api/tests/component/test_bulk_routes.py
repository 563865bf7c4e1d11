"""Bulk actions over REST: what the services are asked, once for each key, and what is noted."""

import json
import secrets
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import asyncpg
import httpx
import pytest
from command_api_fakes import AUDIT, Answer, Stations, api_key, is_problem
from fake_service import FakeService, Gibberish

from csms_shared.contracts.refusals import refuse
from csms_shared.db.cursors import encode_cursor

pytestmark = pytest.mark.asyncio(loop_scope="package")

CLOSE, RECONCILE, DISMISS, REPLAY, DELETE = (
    "/transactions/bulk/close",
    "/quarantine/bulk/reconcile",
    "/quarantine/bulk/dismiss",
    "/parked/bulk/replay",
    "/parked/bulk/delete",
)
OPERATIONS = {
    CLOSE: "transactions.close_many",
    RECONCILE: "quarantine.reconcile_many",
    DISMISS: "quarantine.dismiss_many",
    REPLAY: "parked.replay_many",
    DELETE: "parked.delete_many",
}
ALL = {"all": True}
BODIES: tuple[tuple[str, Answer], ...] = (
    (CLOSE, {**ALL, "reason": "lost"}),
    (RECONCILE, ALL),
    (DISMISS, ALL),
    (REPLAY, ALL),
    (DELETE, ALL),
)


class Items:
    """Items of a service: each batch takes some, once for its id."""

    def __init__(self, number: int) -> None:
        self.left = number
        self.actions: dict[str, Answer] = {}
        self.asked: list[Answer] = []
        self.answers_get_lost = False
        self.each_fails = False

    def serve(self, service: FakeService) -> None:
        for operation in OPERATIONS.values():
            service.operations[operation] = self._answer

    def _answer(self, parameters: Answer) -> Answer:
        self.asked.append(parameters)
        if parameters["dry_run"]:
            return {"matched": self.left}
        answer = self.actions.get(parameters["action_id"]) or self._act(parameters)
        self.actions[parameters["action_id"]] = answer
        if self.answers_get_lost:
            raise Gibberish
        return answer

    def _act(self, parameters: Answer) -> Answer:
        number = min(self.left, parameters["limit"])
        self.left -= number
        failed = number if self.each_fails else 0
        return {
            "matched": number,
            "done": number - failed,
            "failed": failed,
            "failures": [
                {"id": f"{self.left + n}", "code": "busy", "detail": "busy"} for n in range(failed)
            ],
            "next_cursor": f"after-{self.left}" if self.left else None,
        }


@pytest.fixture
def items(stations: Stations) -> Iterator[Items]:
    """So many items of session-service, and none of station-registry."""
    registry, sessions = stations.registry, stations.sessions
    before = dict(registry.operations), dict(sessions.operations)
    items, none = Items(250), Items(0)
    items.serve(sessions)
    none.serve(registry)
    yield items
    registry.operations, sessions.operations = before


def key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(12)}


async def last_note(database: asyncpg.Pool, path: str) -> dict[str, Any]:
    row = await database.fetchrow(
        f"SELECT * FROM {AUDIT} WHERE path = $1 ORDER BY id DESC LIMIT 1", f"/api/v1{path}"
    )
    assert row is not None
    return dict(row)


@pytest.mark.parametrize(("path", "body"), BODIES)
async def test_all_is_done_in_batches_and_noted_with_who_what_and_how_many(
    admin: httpx.AsyncClient, items: Items, database: asyncpg.Pool, path: str, body: Answer
) -> None:
    answer = await admin.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "matched": 250,
        "done": 250,
        "failed": 0,
        "failures": [],
        "next_cursor": None,
    }
    assert [asked["limit"] for asked in items.asked] == [100, 100, 100]
    assert [asked["cursor"] for asked in items.asked] == [None, "after-150", "after-50"]
    note = await last_note(database, path)
    assert (note["principal"], note["role"], note["status"]) == ("user:admin", "admin", 200)
    assert json.loads(note["asked"]).items() >= body.items()
    assert json.loads(note["outcome"]) == {"matched": 250, "done": 250, "failed": 0}


@pytest.mark.parametrize(("path", "body"), BODIES)
async def test_a_script_loops_with_the_cursor_until_none_is_left(
    admin: httpx.AsyncClient, items: Items, path: str, body: Answer
) -> None:
    done, cursor = [], None
    while True:
        answer = (await admin.post(path, json={**body, "limit": 120, "cursor": cursor})).json()
        done.append(answer["done"])
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert done == [120, 120, 10]
    assert [asked["limit"] for asked in items.asked] == [100, 20, 100, 20, 100]
    for wrong in ("x", encode_cursor("no-service", "")):
        refused = await admin.post(path, json={**body, "cursor": wrong})
        is_problem(refused, 422, "bad_cursor")


@pytest.mark.parametrize(("path", "body"), BODIES)
async def test_a_dry_run_only_counts(
    admin: httpx.AsyncClient, items: Items, database: asyncpg.Pool, path: str, body: Answer
) -> None:
    answer = await admin.post(path, json={**body, "dry_run": True, "limit": 1})
    assert (answer.json()["matched"], answer.json()["done"]) == (250, 0)
    assert (items.left, items.actions) == (250, {})
    assert json.loads((await last_note(database, path))["asked"])["dry_run"] is True


@pytest.mark.parametrize(("path", "body"), BODIES)
async def test_the_same_key_does_nothing_again_and_gets_the_same_answer(
    admin: httpx.AsyncClient, items: Items, path: str, body: Answer
) -> None:
    header = key()
    some = {**body, "limit": 120}
    first = await admin.post(path, json=some, headers=header)
    again = await admin.post(path, json=some, headers=header)
    assert (first.json()["done"], items.left) == (120, 130)
    assert again.json() == first.json()
    other = await admin.post(path, json=body, headers=header)
    is_problem(other, 422, "idempotency_key_reused")
    assert items.left == 130


async def test_a_request_whose_answer_was_lost_is_repeated_with_its_key(
    admin: httpx.AsyncClient, items: Items
) -> None:
    header = key()
    body = {**ALL, "limit": 120}
    items.answers_get_lost = True
    is_problem(await admin.post(DISMISS, json=body, headers=header), 503, "service_unavailable")
    assert items.left == 150
    items.answers_get_lost = False
    answer = await admin.post(DISMISS, json=body, headers=header)
    assert (answer.json()["done"], items.left) == (120, 130)


async def test_a_replica_of_the_release_before_costs_no_key_and_nothing_is_done_beyond_the_limit(
    admin: httpx.AsyncClient, stations: Stations, items: Items
) -> None:
    header = key()
    body = {**ALL, "limit": 120}
    answer = stations.sessions.operations[OPERATIONS[DISMISS]]

    def older_replica_from_the_second_on(parameters: Answer) -> object:
        if items.asked:
            raise refuse(404, "unknown_operation", "there is no such operation")
        return answer(parameters)

    stations.sessions.operations[OPERATIONS[DISMISS]] = older_replica_from_the_second_on
    is_problem(await admin.post(DISMISS, json=body, headers=header), 503, "service_unavailable")
    stations.sessions.operations[OPERATIONS[DISMISS]] = answer
    again = await admin.post(DISMISS, json=body, headers=header)
    assert (again.json()["done"], items.left) == (120, 130)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CLOSE, {"reason": "lost"}),
        (CLOSE, {"reason": "lost", "status": "active"}),
        (CLOSE, {"reason": "lost", "station_id": None}),
        (CLOSE, {"reason": "lost", "without_reading": "meter_start", "limit": 3}),
        (CLOSE, {"reason": "lost", "all": False}),
        (CLOSE, {"reason": "lost", "all": True, "status": "completed"}),
        (CLOSE, {"all": True}),
        (CLOSE, {"all": True, "reason": ""}),
        (CLOSE, {"all": 1, "reason": "lost"}),
        (RECONCILE, {}),
        (RECONCILE, {"transaction_id": 1}),
        (RECONCILE, {"all": True, "transaction_id": 2**31}),
        (RECONCILE, {"kind": "other"}),
        (DISMISS, {}),
        (DISMISS, {"dry_run": True}),
        (DISMISS, {"from": "0001-01-01T00:00:00Z"}),
        (DISMISS, {"to": "9999-12-31T00:00:00Z"}),
        (DISMISS, {"all": True, "limit": 0}),
        (DISMISS, {"all": True, "limit": 1001}),
        (DISMISS, {"all": True, "limit": "5"}),
        (DISMISS, {"all": True, "dry_run": "true"}),
        (DISMISS, {"all": True, "status": "open"}),
        (REPLAY, {}),
        (REPLAY, {"replayed": True}),
        (REPLAY, {"service": "ws-gateway"}),
        (REPLAY, {"error": "a\0b"}),
        (REPLAY, {"error": ""}),
        (DELETE, {"error": ""}),
        (DELETE, {}),
        (DELETE, {"limit": 1}),
    ],
)
async def test_what_names_nothing_or_is_wrong_does_nothing(
    admin: httpx.AsyncClient, items: Items, path: str, body: Answer
) -> None:
    is_problem(await admin.post(path, json=body), 422, "validation_failed")
    assert items.asked == []


@pytest.mark.parametrize(
    ("path", "body", "asked"),
    [
        (
            CLOSE,
            {
                "station_id": "S/1",
                "connector_id": 0,
                "status": "active",
                "id_token": "T",
                "flag": "clock_not_set",
                "from": "2026-01-01T02:00:00+02:00",
                "to": "2026-01-02T00:00:00Z",
                "without_reading": "meter_start",
                "reason": "lost",
            },
            {
                "station_id": "S/1",
                "connector_id": 0,
                "status": "active",
                "id_token": "T",
                "flag": "clock_not_set",
                "started_from": "2026-01-01T00:00:00.000Z",
                "started_to": "2026-01-02T00:00:00.000Z",
                "without_reading": "meter_start",
                "reason": "lost",
                "closed_by": "admin",
            },
        ),
        (
            CLOSE,
            {"station_id": "S", "reason": "lost"},
            {"status": "stop_missing", "without_reading": "fail"},
        ),
        (
            RECONCILE,
            {"station_id": "S", "kind": "stop", "transaction_id": 7},
            {"station_id": "S", "kind": "stop", "transaction_id": 7},
        ),
        (
            DISMISS,
            {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"},
            {
                "received_from": "2026-01-01T00:00:00.000Z",
                "received_to": "2026-01-02T00:00:00.000Z",
            },
        ),
        (
            REPLAY,
            {"queue": "q", "type": "calls.v1", "station_id": "S", "error": "E"},
            {"queue": "q", "type": "calls.v1", "station_id": "S", "error": "E"},
        ),
        (
            DELETE,
            {"replayed": True, "from": "2026-01-01T00:00:00Z"},
            {"replayed": True, "parked_from": "2026-01-01T00:00:00Z"},
        ),
    ],
)
async def test_the_filters_reach_the_service(
    admin: httpx.AsyncClient, items: Items, path: str, body: Answer, asked: Answer
) -> None:
    answer = await admin.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert items.asked[0].items() >= asked.items()


async def test_parked_items_of_all_services_or_of_one(
    admin: httpx.AsyncClient, stations: Stations, items: Items, database: asyncpg.Pool
) -> None:
    registry = Items(30)
    registry.serve(stations.registry)
    await database.execute(
        "INSERT INTO parked (id, queue, type, body, error) "
        "SELECT gen_random_uuid(), 'q', 'bulk', '', 'why' FROM generate_series(1, 5)"
    )
    counted = await admin.post(DELETE, json={**ALL, "type": "bulk", "dry_run": True})
    assert counted.json()["matched"] == 285
    one = {**ALL, "type": "bulk", "service": "command-api"}
    assert (await admin.post(DELETE, json={**one, "limit": 2})).json()["done"] == 2
    done, cursor = [], None
    while True:
        body = {**ALL, "type": "bulk", "limit": 100, "cursor": cursor}
        answer = (await admin.post(DELETE, json=body)).json()
        done.append(answer["done"])
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert done == [100, 100, 83]
    assert await database.fetchval("SELECT count(*) FROM parked WHERE type = 'bulk'") == 0


async def test_failures_are_counted_and_a_hundred_of_them_named(
    admin: httpx.AsyncClient, items: Items
) -> None:
    items.each_fails = True
    answer = (await admin.post(REPLAY, json=ALL)).json()
    assert (answer["matched"], answer["done"], answer["failed"]) == (250, 0, 250)
    assert len(answer["failures"]) == 100
    assert {failure["id"].split(":")[0] for failure in answer["failures"]} == {"session-service"}


async def test_what_a_service_refuses_is_refused_and_leaves_the_key_free(
    admin: httpx.AsyncClient, items: Items, stations: Stations, database: asyncpg.Pool
) -> None:
    def refusing(_: Answer) -> Answer:
        raise refuse(404, "not_found", "there is no transaction 7")

    serve = stations.sessions.operations[OPERATIONS[RECONCILE]]
    stations.sessions.operations[OPERATIONS[RECONCILE]] = refusing
    header = key()
    body = {**ALL, "transaction_id": 7}
    refused = await admin.post(RECONCILE, json=body, headers=header)
    is_problem(refused, 404, "not_found")
    assert "outcome" not in refused.json()
    note = await last_note(database, RECONCILE)
    assert (note["status"], note["outcome"]) == (404, None)
    stations.sessions.operations[OPERATIONS[RECONCILE]] = serve
    answer = await admin.post(RECONCILE, json={**ALL, "transaction_id": 8}, headers=header)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("refusal", "status"),
    [(refuse(404, "not_found", "there is no transaction 7"), 404), (Gibberish(), 503)],
)
async def test_what_was_done_before_a_refusal_or_an_outage_is_answered_and_noted(
    admin: httpx.AsyncClient,
    items: Items,
    stations: Stations,
    database: asyncpg.Pool,
    refusal: Exception,
    status: int,
) -> None:
    answer = stations.sessions.operations[OPERATIONS[RECONCILE]]

    def from_the_third_on(parameters: Answer) -> object:
        if len(items.asked) == 2:
            raise refusal
        return answer(parameters)

    stations.sessions.operations[OPERATIONS[RECONCILE]] = from_the_third_on
    refused = await admin.post(RECONCILE, json={**ALL, "transaction_id": 7}, headers=key())
    assert (refused.status_code, items.left) == (status, 50)
    assert refused.headers["content-type"] == "application/problem+json"
    assert ("retry-after" in refused.headers) is (status == 503)
    problem = refused.json()
    assert (problem["status"], problem["title"]) == (status, HTTPStatus(status).phrase)
    done = problem["outcome"]
    assert (done["matched"], done["done"], done["failures"]) == (200, 200, [])
    note = await last_note(database, RECONCILE)
    assert note["status"] == status
    assert json.loads(note["outcome"]) == {"matched": 200, "done": 200, "failed": 0}
    stations.sessions.operations[OPERATIONS[RECONCILE]] = answer
    rest = {**ALL, "transaction_id": 7, "cursor": done["next_cursor"]}
    assert (await admin.post(RECONCILE, json=rest)).json()["done"] == 50
    assert items.asked[-1]["cursor"] == "after-50"


async def test_an_operator_may_do_none_of_it(admin: httpx.AsyncClient, items: Items) -> None:
    header = await api_key(admin, "operator")
    bearer = admin.headers.pop("Authorization")
    try:
        for path, body in BODIES:
            is_problem(await admin.post(path, json=body, headers=header), 403, "forbidden")
    finally:
        admin.headers["Authorization"] = bearer
    assert items.asked == []
