"""Tariffs, what they are assigned to, and simulated sessions, through REST."""

import secrets
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from command_api_fakes import Answer, Stations, api_key, is_problem
from fake_billing import FakeBilling

from csms_shared.contracts.refusals import refuse

pytestmark = pytest.mark.asyncio(loop_scope="package")

ENERGY = {"type": "ENERGY", "price": 0.45, "vat": 19, "step_size": 1}
TARIFF = {"currency": "EUR", "elements": [{"price_components": [ENERGY]}]}
BODY = {"name": "Harbour", "tariff": TARIFF}
SESSION: Answer = {
    "started_at": "2026-11-20T09:00:00+01:00",
    "stopped_at": "2026-11-20T09:00:00Z",
    "time_zone": "Europe/Berlin",
    "meter_start": 0,
    "meter_stop": 1000.5,
}


@pytest.fixture
def billing(stations: Stations) -> FakeBilling:
    return stations.billing


async def _made(admin: httpx.AsyncClient) -> str:
    made = await admin.post("/tariffs", json=BODY)
    assert made.status_code == 201, made.text
    tariff_id: str = made.json()["tariff_id"]
    return tariff_id


async def test_a_tariff_is_made_read_changed_and_deleted(
    admin: httpx.AsyncClient, billing: FakeBilling
) -> None:
    made = await admin.post("/tariffs", json=BODY)
    assert made.status_code == 201, made.text
    tariff = made.json()
    path = f"/tariffs/{tariff['tariff_id']}"
    assert made.headers["location"] == f"/api/v1{path}"
    assert (tariff["version"], tariff["tariff"], tariff["created_by"]) == (1, TARIFF, "admin")
    assert (await admin.get(path)).json() == tariff
    changed = await admin.put(path, json={**BODY, "name": "Quay"})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert billing.service.asked("tariffs.change")[-1] == {
        "tariff_id": tariff["tariff_id"],
        "name": "Quay",
        "tariff": TARIFF,
        "changed_by": "admin",
    }
    assert tariff in (await admin.get("/tariffs?q=Harb")).json()["items"]
    await admin.get(f"{path}?version=3")
    assert billing.service.asked("tariffs.get")[-1] == {
        "tariff_id": tariff["tariff_id"],
        "version": 3,
    }
    assert (await admin.delete(path)).status_code == 204
    is_problem(await admin.get(path), 404, "not_found")
    audited = (await admin.get("/audit", params={"target": tariff["tariff_id"]})).json()["items"]
    assert [(one["method"], one["status"]) for one in audited] == [
        ("DELETE", 204),
        ("PUT", 200),
        ("POST", 201),
    ]
    assert audited[1]["before"]["tariff"] == TARIFF


@pytest.mark.parametrize(
    "written",
    ["0.1", "0.3", "0.0001", "0.30", "1e-4", "999999999.9999", "123456789.0123", "1000000000", "7"],
)
async def test_a_price_reaches_billing_service_as_the_number_that_was_written(
    admin: httpx.AsyncClient, billing: FakeBilling, written: str
) -> None:
    body = orjson.dumps(BODY).replace(b"0.45", written.encode())
    headers = {"Content-Type": "application/json"}
    made = await admin.post("/tariffs", content=body, headers=headers)
    assert made.status_code == 201, made.text
    asked: Any = billing.service.asked("tariffs.create")[-1]
    price = asked["tariff"]["elements"][0]["price_components"][0]["price"]
    # As `read_tariff` takes a number: by the shortest decimal that is the same float.
    assert Decimal(repr(price)) == Decimal(written)
    shown = orjson.loads(made.content)["tariff"]["elements"][0]["price_components"][0]["price"]
    assert Decimal(repr(shown)) == Decimal(written)


async def test_what_is_wrong_with_a_tariff_is_named_by_its_field(
    admin: httpx.AsyncClient, billing: FakeBilling, stations: Stations
) -> None:
    field = "tariff.elements[0].restrictions.max_kwh"
    known = dict(billing.service.operations)

    def refused(_: Answer) -> None:
        raise refuse(422, "validation_failed", "this is no tariff", (field, "must be more"))

    billing.service.operations |= {"tariffs.create": refused}
    try:
        answer = await admin.post("/tariffs", json=BODY)
    finally:
        billing.service.operations = known
    assert is_problem(answer, 422, "validation_failed")["errors"] == [
        {"field": field, "message": "must be more"}
    ]


def _nested(levels: int) -> list[Any]:
    nested: list[Any] = []
    for _ in range(levels - 1):
        nested = [nested]
    return nested


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**BODY, "name": ""}, "name"),
        ({**BODY, "name": "a\0"}, "name"),
        ({**BODY, "name": "x" * 256}, "name"),
        ({**BODY, "tariff": []}, "tariff"),
        ({"name": "x"}, "tariff"),
        ({**BODY, "extra": 1}, "extra"),
        *(({**BODY, "tariff": {"elements": _nested(levels)}}, "tariff") for levels in (16, 900)),
    ],
)
async def test_a_body_that_is_no_tariff_is_refused_before_anybody_is_asked(
    admin: httpx.AsyncClient, billing: FakeBilling, body: Answer, field: str
) -> None:
    before = len(billing.service.requests)
    problem = is_problem(await admin.post("/tariffs", json=body), 422, "validation_failed")
    assert problem["errors"][0]["field"] == field
    assert len(billing.service.requests) == before


async def test_a_tariff_and_an_assignment_are_made_once_for_their_keys(
    admin: httpx.AsyncClient, billing: FakeBilling
) -> None:
    tariffs, assignments = len(billing.tariffs), len(billing.assignments)
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    first, again = [await admin.post("/tariffs", json=BODY, headers=headers) for _ in range(2)]
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == first.headers["location"]
    wanted = {"tariff_id": first.json()["tariff_id"]}
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    one, two = [
        await admin.post("/tariff-assignments", json=wanted, headers=headers) for _ in range(2)
    ]
    assert (two.status_code, two.json()) == (201, one.json())
    assert (len(billing.tariffs), len(billing.assignments)) == (tariffs + 1, assignments + 1)
    other = await admin.post("/tariff-assignments", json={**wanted, "tag": "x"}, headers=headers)
    is_problem(other, 422, "idempotency_key_reused")


@pytest.mark.parametrize("target", ["id_token", "group_id", "station_id", "tag", "site_id", None])
async def test_a_tariff_is_assigned_to_one_thing_or_to_all(
    admin: httpx.AsyncClient, billing: FakeBilling, target: str | None
) -> None:
    tariff_id = await _made(admin)
    named = {} if target is None else {target: "A/1"}
    times = {"valid_from": "2026-12-01T00:00:00+01:00", "valid_to": "2027-01-01T00:00:00Z"}
    made = await admin.post("/tariff-assignments", json={"tariff_id": tariff_id, **named, **times})
    assert made.status_code == 201, made.text
    assigned = made.json()
    asked = billing.service.asked("tariff_assignments.create")[-1]
    assert asked == {
        "assignment_id": assigned["assignment_id"],
        "tariff_id": tariff_id,
        "target": target or "tenant",
        **({"value": "A/1"} if target else {}),
        "valid_from": "2026-11-30T23:00:00.000Z",
        "valid_to": "2027-01-01T00:00:00.000Z",
        "created_by": "admin",
    }
    path = f"/tariff-assignments/{assigned['assignment_id']}"
    assert made.headers["location"] == f"/api/v1{path}"
    assert (await admin.get(path)).json() == assigned
    query = {"tariff_id": tariff_id, **(named or {"target": "tenant"})}
    assert assigned in (await admin.get("/tariff-assignments", params=query)).json()["items"]
    asked = billing.service.asked("tariff_assignments.list")[-1]
    assert asked == {
        "tariff_id": tariff_id,
        "target": target or "tenant",
        **({"value": "A/1"} if target else {}),
        "limit": 50,
    }
    assert (await admin.delete(path)).status_code == 204
    is_problem(await admin.get(path), 404, "not_found")
    is_problem(await admin.delete(path), 404, "not_found")


async def test_an_assignment_has_one_target_at_most(admin: httpx.AsyncClient) -> None:
    both = {"tariff_id": str(uuid4()), "tag": "a", "site_id": "b"}
    is_problem(await admin.post("/tariff-assignments", json=both), 422, "validation_failed")
    answer = await admin.get("/tariff-assignments", params={"tag": "a", "site_id": "b"})
    problem = is_problem(answer, 422, "validation_failed")
    assert [one["field"] for one in problem["errors"]] == ["site_id", "tag"]
    answer = await admin.get("/tariff-assignments", params={"tag": "a", "target": "tenant"})
    is_problem(answer, 422, "validation_failed")
    answer = await admin.get("/tariff-assignments", params={"tag": "a", "target": "tag"})
    assert answer.status_code == 200, answer.text
    for field, value in (
        ("tag", ""),
        ("id_token", " "),
        ("tag", "a\0"),
        ("tariff_id", "x"),
        ("valid_from", "soon"),
    ):
        body = {"tariff_id": str(uuid4()), field: value}
        problem = is_problem(
            await admin.post("/tariff-assignments", json=body), 422, "validation_failed"
        )
        assert problem["errors"][0]["field"] == field


async def test_a_session_is_simulated_with_its_times_in_utc(
    admin: httpx.AsyncClient, billing: FakeBilling
) -> None:
    tariff_id = await _made(admin)
    operator = await api_key(admin, "operator")
    body = {
        **SESSION,
        "readings": [{"at": "2026-11-20T08:30:00Z", "energy_wh": 500.25}],
        "status": [{"at": "2026-11-20T08:30:00Z", "status": "SuspendedEVSE"}],
        "version": 2,
    }
    answer = await admin.post(f"/tariffs/{tariff_id}/simulate", json=body, headers=operator)
    assert answer.status_code == 200, answer.text
    cost = answer.json()
    (line,), (period,) = cost["lines"], cost["periods"]
    assert (line["from"], line["to"]) == ("2026-11-20T08:00:00.000Z", "2026-11-20T09:00:00.000Z")
    assert (period["from"], period["to"]) == (line["from"], line["to"])
    assert not {"from_time", "to_time"} & (line.keys() | period.keys())
    assert (cost["total_excl_vat"], cost["total_incl_vat"]) == ("0.45", "0.54")
    assert billing.service.asked("tariffs.simulate")[-1] == {
        "tariff_id": tariff_id,
        "version": 2,
        "started_at": "2026-11-20T08:00:00.000Z",
        "stopped_at": "2026-11-20T09:00:00.000Z",
        "time_zone": "Europe/Berlin",
        "meter_start": 0,
        "meter_stop": 1000.5,
        "readings": [{"at": "2026-11-20T08:30:00.000Z", "energy_wh": 500.25}],
        "statuses": [{"at": "2026-11-20T08:30:00.000Z", "status": "SuspendedEVSE"}],
    }
    audited = (await admin.get("/audit", params={"target": tariff_id})).json()["items"]
    assert [one["method"] for one in audited] == ["POST"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_zone", "Berlin"),
        ("time_zone", None),
        ("meter_start", -1),
        ("meter_start", "0"),
        ("meter_stop", True),
        ("meter_stop", 1e13),
        ("started_at", "1900-01-01T00:00:00Z"),
        ("readings", [{"at": "2026-11-20T08:30:00Z"}]),
        ("status", [{"at": "2026-11-20T08:30:00Z", "status": ""}]),
        ("version", 0),
        ("id_token", "T"),
    ],
)
async def test_a_session_that_can_not_be_is_422_with_its_field(
    admin: httpx.AsyncClient, billing: FakeBilling, field: str, value: object
) -> None:
    tariff_id = await _made(admin)
    answer = await admin.post(f"/tariffs/{tariff_id}/simulate", json={**SESSION, field: value})
    problem = is_problem(answer, 422, "validation_failed")
    assert problem["errors"][0]["field"].split(".")[0] == field


async def test_a_cost_of_another_contract_is_no_answer(
    admin: httpx.AsyncClient, billing: FakeBilling
) -> None:
    known = dict(billing.service.operations)
    billing.service.operations["tariffs.simulate"] = lambda _: {"lines": 1}
    try:
        answer = await admin.post(f"/tariffs/{uuid4()}/simulate", json=SESSION)
    finally:
        billing.service.operations = known
    is_problem(answer, 503, "service_unavailable")


async def test_viewers_read_tariffs_operators_simulate_and_administrators_change(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, billing: FakeBilling
) -> None:
    tariff_id = await _made(admin)
    assignment = {"tariff_id": tariff_id}
    made = (await admin.post("/tariff-assignments", json=assignment)).json()
    assigned = f"/api/v1/tariff-assignments/{made['assignment_id']}"
    named = f"/api/v1/tariffs/{tariff_id}"
    for role, may_simulate in (("viewer", False), ("operator", True)):
        key = await api_key(admin, role)
        for path in ("/api/v1/tariffs", named, "/api/v1/tariff-assignments", assigned):
            assert (await nobody.get(path, headers=key)).status_code == 200
        simulated = await nobody.post(f"{named}/simulate", json=SESSION, headers=key)
        assert simulated.status_code == (200 if may_simulate else 403)
        for method, path, body in (
            ("POST", "/api/v1/tariffs", BODY),
            ("PUT", named, BODY),
            ("DELETE", named, None),
            ("POST", "/api/v1/tariff-assignments", assignment),
            ("DELETE", assigned, None),
        ):
            refused = await nobody.request(method, path, json=body, headers=key)
            is_problem(refused, 403, "forbidden")


async def test_who_is_limited_to_sites_is_told_nothing_of_tariffs(
    admin: httpx.AsyncClient, billing: FakeBilling
) -> None:
    wanted = {"name": secrets.token_hex(6), "role": "admin", "scope": {"site_ids": ["harbour"]}}
    key = {"X-API-Key": (await admin.post("/api-keys", json=wanted)).json()["key"]}
    before = len(billing.service.requests)
    for path in ("/tariffs", "/tariff-assignments", "/cdrs", "/cdrs.csv", f"/cdrs/{uuid4()}"):
        is_problem(await admin.get(path, headers=key), 403, "outside_scope")
    answer = await admin.post(f"/tariffs/{uuid4()}/simulate", json=SESSION, headers=key)
    is_problem(answer, 403, "outside_scope")
    assert len(billing.service.requests) == before
