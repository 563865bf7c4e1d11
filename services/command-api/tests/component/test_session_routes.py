"""Transactions, id tokens and parked items, as the services are asked for them."""

import secrets

import httpx
import pytest
from command_api_fakes import Answer, Stations, is_problem

from csms_shared.contracts.refusals import refuse

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_transactions_are_asked_for_with_times_in_utc(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    for operation in (
        "transactions.list",
        "transactions.meter_values",
        "transactions.evidence",
        "quarantine.list",
    ):
        stations.sessions.operations[operation] = lambda _: {"items": [], "next_cursor": None}
    for operation in ("transactions.get", "transactions.close", "quarantine.reconcile"):
        stations.sessions.operations[operation] = lambda parameters: parameters
    await admin.get(
        "/transactions",
        params={"status": "active", "from": "2026-01-01T02:00:00+02:00", "to": "2026-01-02T00:00"},
    )
    assert stations.sessions.asked("transactions.list")[-1] == {
        "status": "active",
        "started_from": "2026-01-01T00:00:00.000Z",
        "started_to": "2026-01-02T00:00:00.000Z",
        "limit": 50,
    }
    closed = await admin.post("/transactions/7/close", json={"meter_stop": 5, "reason": "broken"})
    assert closed.json() == {
        "transaction_id": 7,
        "meter_stop": 5,
        "reason": "broken",
        "closed_by": "admin",
    }
    assert (await admin.get("/transactions/7/meter-values?limit=3")).json()["items"] == []
    assert (await admin.get("/transactions/7/evidence?limit=3")).json()["items"] == []
    assert stations.sessions.asked("transactions.evidence")[-1] == {
        "transaction_id": 7,
        "limit": 3,
    }
    assert (await admin.get("/quarantine?station_id=A%2F1")).json()["items"] == []
    assert stations.sessions.asked("quarantine.list")[-1] == {
        "station_id": "A/1",
        "status": "open",
        "limit": 50,
    }
    reconciled = await admin.post("/quarantine/a%2Fb/reconcile", json={"transaction_id": 3})
    assert reconciled.json() == {"id": "a/b", "transaction_id": 3}


async def test_id_tokens_are_created_changed_and_activated(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    for operation in ("id_tokens.create", "id_tokens.change"):
        stations.sessions.operations[operation] = lambda parameters: parameters
    created = await admin.post("/id-tokens", json={"id_token": "T", "max_concurrent": None})
    assert created.status_code == 201
    assert created.json()["max_concurrent"] is None
    changed = await admin.patch(
        "/id-tokens/T", json={"expires_at": "2027-01-01T00:00:00+01:00", "group_id": None}
    )
    assert changed.json()["set"] == ["expires_at", "group_id"]
    assert changed.json()["group_id"] is None
    activated = await admin.post("/id-tokens/T/activate")
    assert activated.json()["status"] == "accepted"


async def test_parked_items_of_all_services_are_one_list(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    def parked(*names: str) -> list[Answer]:
        return [{"id": name, "service": "x"} for name in names]

    stations.registry.operations["parked.list"] = lambda parameters: (
        {"items": parked("r3"), "next_cursor": None}
        if parameters.get("cursor")
        else {"items": parked("r1", "r2")[: parameters["limit"]], "next_cursor": "more"}
    )
    stations.sessions.operations["parked.list"] = lambda _: {
        "items": parked("s1"),
        "next_cursor": None,
    }
    found: list[str] = []
    query: dict[str, str | int] = {"limit": 2}
    while True:
        page = (await admin.get("/parked", params=query)).json()
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == [
        "station-registry:r1",
        "station-registry:r2",
        "station-registry:r3",
        "session-service:s1",
    ]
    stations.sessions.operations["parked.replay"] = lambda _: None
    assert (await admin.post("/parked/session-service:s1/replay")).status_code == 204
    assert stations.sessions.asked("parked.replay") == [{"id": "s1"}]
    is_problem(await admin.delete("/parked/nonsense"), 404, "not_found")
    own = f"/parked/command-api:{secrets.token_hex(16)}"
    is_problem(await admin.delete(own), 404, "not_found")
    is_problem(await admin.get("/parked?cursor=x"), 422, "bad_cursor")


async def test_reservations_are_made_in_the_name_of_who_asks(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["stations.get"] = lambda parameters: parameters
    for operation in ("reservations.create", "reservations.cancel", "reservations.get"):
        stations.sessions.operations[operation] = lambda parameters: parameters
    stations.sessions.operations["reservations.list"] = lambda _: {"items": []}
    body = {
        "station_id": "S/1",
        "connector_id": 1,
        "id_token": "T1",
        "expires_at": "2027-01-01T01:00:00+01:00",
    }
    made = await admin.post("/reservations", json=body)
    assert made.status_code == 201
    assert made.json() == body | {
        "group_id": None,
        "expires_at": "2027-01-01T00:00:00Z",
        "created_by": "admin",
        "command_id": made.json()["command_id"],
    }
    assert stations.registry.asked("stations.get")[-1] == {"station_id": "S/1"}
    cancelled = await admin.post("/reservations/7/cancel")
    assert cancelled.json() == {"reservation_id": 7, "cancelled_by": "admin"}
    assert (await admin.get("/reservations/7")).json() == {"reservation_id": 7}
    await admin.get("/reservations?station_id=S%2F1&status=active&id_token=T1&limit=3")
    assert stations.sessions.asked("reservations.list")[-1] == {
        "station_id": "S/1",
        "status": "active",
        "id_token": "T1",
        "limit": 3,
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id_token": "X" * 21}, "id_token"),
        ({"connector_id": -1}, "connector_id"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"group_id": ""}, "group_id"),
        ({"parent": "P"}, "parent"),
    ],
)
async def test_a_reservation_that_can_not_be_said_in_ocpp_names_the_field(
    admin: httpx.AsyncClient, changes: dict[str, object], field: str
) -> None:
    body = {"station_id": "S", "connector_id": 1, "id_token": "T", "expires_at": "2027-01-01T00:00"}
    problem = is_problem(
        await admin.post("/reservations", json=body | changes), 422, "validation_failed"
    )
    assert field in str(problem["errors"])


async def test_local_lists_are_kept_compared_and_left_alone(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["stations.get"] = lambda parameters: parameters
    for operation in ("get", "keep", "sync", "leave"):
        stations.sessions.operations[f"local_lists.{operation}"] = lambda parameters: parameters
    name = {"station_id": "S/1"}
    path = "/stations/S%2F1/local-list"
    everything = await admin.put(path)
    assert everything.json() == name | {"group_ids": None, "id_tokens": None}
    some = await admin.put(path, json={"group_ids": ["G"], "id_tokens": ["a"]})
    assert some.json() == name | {"group_ids": ["G"], "id_tokens": ["a"]}
    assert (await admin.get(path)).json() == name
    assert (await admin.post(path + "/sync")).json() == name
    assert (await admin.delete(path)).json() == name
    is_problem(await admin.put(path, json={"groups": []}), 422, "validation_failed")

    def deleted(_: Answer) -> Answer:
        raise refuse(404, "not_found", "there is no such station")

    stations.registry.operations["stations.get"] = deleted
    for answer in (await admin.get(path), await admin.post(path + "/sync"), await admin.put(path)):
        is_problem(answer, 404, "not_found")
    assert (await admin.delete(path)).status_code == 200
