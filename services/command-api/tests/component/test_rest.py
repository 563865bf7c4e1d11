"""Every other route: what is asked of the services, and how refusals look."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from command_api_fakes import Stations, no_such_station

from csms_shared.ocpp.actions import command_actions
from csms_shared.ocpp.credentials import credential_proofs
from csms_shared.ocpp.versions import OCPP16
from csms_shared.refusals import refuse

pytestmark = pytest.mark.asyncio(loop_scope="package")

Answer = dict[str, Any]
PEPPER = b"pepper for the tests of this service"


@pytest_asyncio.fixture(loop_scope="package")
async def nobody(rest_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=rest_url, trust_env=False) as client:
        yield client


async def api_key(admin: httpx.AsyncClient, role: str) -> dict[str, str]:
    answer = await admin.post("/api-keys", json={"name": secrets.token_hex(6), "role": role})
    assert answer.status_code == 201, answer.text
    return {"X-API-Key": answer.json()["key"]}


def is_problem(answer: httpx.Response, status: int, code: str) -> Answer:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: Answer = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    assert {"type", "title", "detail"} <= set(document)
    return document


async def test_errors_of_the_framework_are_problems_too(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient
) -> None:
    is_problem(await nobody.get("/nothing"), 404, "not_found")
    is_problem(await admin.put("/stations"), 405, "method_not_allowed")
    is_problem(await admin.get("/transactions/abc"), 422, "validation_failed")
    problem = is_problem(await admin.get("/stations?limit=501"), 422, "validation_failed")
    assert problem["errors"][0]["field"] == "limit"
    problem = is_problem(await admin.post("/users", json={"role": "x"}), 422, "validation_failed")
    assert {error["field"] for error in problem["errors"]} == {"username", "password", "role"}
    problem = is_problem(
        await admin.post("/users", content="{", headers={"Content-Type": "application/json"}),
        422,
        "validation_failed",
    )
    long = await admin.post("/users", content=b"x" * (1024 * 1024 + 1))
    is_problem(long, 413, "too_large")


async def test_nobody_gets_in_without_credentials(nobody: httpx.AsyncClient) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic YTpi"},
        {"X-API-Key": "csms_nonsense"},
    ):
        answer = await nobody.get("/api/v1/status", headers=headers)
        is_problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    answer = await nobody.post("/api/v1/stations/S/commands/Reset", json={"type": "Soft"})
    is_problem(answer, 401, "unauthenticated")


async def test_wrong_passwords_are_refused_alike_and_counted_and_the_right_one_passes(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient
) -> None:
    name, password = secrets.token_hex(6), "a good password"
    created = await admin.post(
        "/users", json={"username": name, "password": password, "role": "viewer"}
    )
    assert created.status_code == 201
    assert "password" not in created.text

    async def log_in(username: str, given: str) -> httpx.Response:
        return await nobody.post(
            "/api/v1/auth/token", data={"username": username, "password": given}
        )

    wrong = is_problem(await log_in(name, "wrong"), 401, "wrong_credentials")
    unknown = is_problem(await log_in(secrets.token_hex(6), "wrong"), 401, "wrong_credentials")
    assert wrong == unknown
    for _ in range(9):
        await log_in(name, "wrong")
    limited = await log_in(name, "wrong")
    is_problem(limited, 429, "too_many_failures")
    assert int(limited.headers["retry-after"]) > 0
    token = (await log_in(name, password)).json()
    assert token["token_type"] == "bearer"
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert (await nobody.get("/api/v1/commands", headers=headers)).status_code == 200
    is_problem(await nobody.get("/api/v1/users", headers=headers), 403, "forbidden")


async def test_a_changed_or_deleted_user_loses_the_token(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient
) -> None:
    name = secrets.token_hex(6)
    await admin.post("/users", json={"username": name, "password": "password 1", "role": "admin"})

    async def token(password: str) -> dict[str, str]:
        answer = await nobody.post(
            "/api/v1/auth/token", data={"username": name, "password": password}
        )
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    first = await token("password 1")
    assert (await nobody.get("/api/v1/users", headers=first)).status_code == 200
    changed = await admin.patch(f"/users/{name}", json={"password": "password 2"})
    assert changed.status_code == 200
    is_problem(await nobody.get("/api/v1/users", headers=first), 401, "unauthenticated")
    second = await token("password 2")
    assert (await admin.delete(f"/users/{name}")).status_code == 204
    is_problem(await nobody.get("/api/v1/users", headers=second), 401, "unauthenticated")
    is_problem(await admin.get(f"/users/{name}"), 404, "not_found")


async def test_the_last_administrator_stays(admin: httpx.AsyncClient) -> None:
    is_problem(await admin.delete("/users/admin"), 409, "last_administrator")
    is_problem(
        await admin.patch("/users/admin", json={"role": "viewer"}), 409, "last_administrator"
    )
    assert (await admin.get("/users/admin")).json()["role"] == "admin"


async def test_users_and_keys_have_names_once_and_pages(admin: httpx.AsyncClient) -> None:
    prefix = secrets.token_hex(6)
    for number in range(3):
        user = {"username": f"{prefix}-{number}", "password": "a good password", "role": "viewer"}
        assert (await admin.post("/users", json=user)).status_code == 201
    is_problem(await admin.post("/users", json=user), 409, "user_exists")
    key = {"name": prefix, "role": "viewer"}
    created = (await admin.post("/api-keys", json=key)).json()
    is_problem(await admin.post("/api-keys", json=key), 409, "api_key_exists")
    listed: list[str] = []
    query: dict[str, str | int] = {"limit": 2}
    while True:
        page = (await admin.get("/users", params=query)).json()
        listed += [item["username"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert [name for name in listed if name.startswith(prefix)] == [
        f"{prefix}-{number}" for number in range(3)
    ]
    keys = (await admin.get("/api-keys", params={"limit": 500})).json()["items"]
    assert "key" not in keys[0]
    assert (await admin.delete(f"/api-keys/{created['id']}")).status_code == 204
    is_problem(await admin.delete(f"/api-keys/{created['id']}"), 404, "not_found")
    is_problem(await admin.delete("/api-keys/nonsense"), 404, "not_found")


READS = ("/stations", "/transactions", "/id-tokens", "/quarantine", "/connections", "/commands")
OPERATES = ("/id-tokens/T/block", "/id-tokens/T/activate", "/stations/S/commands/Reset")
ADMINISTERS = (
    ("POST", "/stations"),
    ("PATCH", "/stations/S"),
    ("DELETE", "/stations/S"),
    ("PUT", "/stations/S/password"),
    ("POST", "/transactions/1/close"),
    ("POST", "/quarantine/1/reconcile"),
    ("POST", "/quarantine/1/dismiss"),
    ("POST", "/parked/x/replay"),
    ("DELETE", "/parked/x"),
    ("POST", "/id-tokens"),
    ("PATCH", "/id-tokens/T"),
    ("DELETE", "/id-tokens/T"),
    ("GET", "/users"),
    ("POST", "/users"),
    ("GET", "/users/u"),
    ("PATCH", "/users/u"),
    ("DELETE", "/users/u"),
    ("GET", "/api-keys"),
    ("POST", "/api-keys"),
    ("DELETE", "/api-keys/k"),
)


async def test_each_role_may_do_its_part_and_no_more(
    admin: httpx.AsyncClient, rest_url: str
) -> None:
    async with httpx.AsyncClient(base_url=f"{rest_url}/api/v1", trust_env=False) as client:
        viewer, operator = await api_key(admin, "viewer"), await api_key(admin, "operator")
        for path in READS:
            answer = await client.get(path, headers=viewer)
            assert answer.status_code != 403, path
        for path in OPERATES:
            is_problem(await client.post(path, headers=viewer, json={}), 403, "forbidden")
            assert (await client.post(path, headers=operator, json={})).status_code != 403
        for method, path in ADMINISTERS:
            answer = await client.request(method, path, headers=operator)
            is_problem(answer, 403, "forbidden")


# Encoded path segment -> the parameter that it is.
SEGMENTS = {
    "ESC%2F1%20x": "ESC/1 x",
    "%25": "%",
    "%2525": "%25",
    "%20": " ",
    "s%C3%A4ule": "säule",
    "a%2Fcommands%2FReset": "a/commands/Reset",
    "plain-1_2.3": "plain-1_2.3",
    "a+b": "a+b",
}


@pytest.mark.parametrize(("segment", "station_id"), SEGMENTS.items())
async def test_a_parameter_in_the_path_is_any_text_decoded_once(
    admin: httpx.AsyncClient, stations: Stations, segment: str, station_id: str
) -> None:
    stations.registry.operations["stations.get"] = lambda parameters: {
        "station_id": parameters["station_id"],
        "connectors": [],
    }
    answer = await admin.get(httpx.URL(str(admin.base_url) + f"stations/{segment}"))
    assert answer.json()["station_id"] == station_id
    stations.online(station_id)
    command = await admin.post(
        httpx.URL(str(admin.base_url) + f"stations/{segment}/commands/Reset"),
        json={"type": "Soft"},
    )
    assert command.json()["station_id"] == station_id
    stations.sessions.operations["id_tokens.change"] = lambda parameters: parameters
    blocked = await admin.post(httpx.URL(str(admin.base_url) + f"id-tokens/{segment}/block"))
    assert blocked.json() == {"id_token": station_id, "set": ["status"], "status": "blocked"}


@pytest.mark.parametrize("segment", ["%FF", "a%00b"])
async def test_a_path_that_is_no_text_is_not_found(admin: httpx.AsyncClient, segment: str) -> None:
    is_problem(await admin.get(f"/stations/{segment}"), 404, "not_found")


async def test_a_station_shows_its_connectors_with_open_transactions(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    connectors = [{"connector_id": number, "transaction_id": None} for number in (1, 2)]
    stations.registry.operations["stations.connectors"] = lambda _: connectors
    stations.registry.operations["stations.get"] = lambda _: {"connectors": connectors}
    station_id = stations.online()
    stations.open_transactions[station_id] = {"2": 5}
    expected = [
        {"connector_id": 1, "transaction_id": None},
        {"connector_id": 2, "transaction_id": 5},
    ]
    listed = (await admin.get(f"/stations/{station_id}/connectors")).json()
    assert listed == {"items": expected, "next_cursor": None}
    assert (await admin.get(f"/stations/{station_id}")).json()["connectors"] == expected


async def test_filters_and_cursor_reach_the_registry(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["stations.list"] = lambda _: {"items": [], "next_cursor": "n"}
    answer = await admin.get(
        "/stations?online=true&registration_status=pending&vendor=V&q=x&limit=7&cursor=c"
    )
    assert answer.json() == {"items": [], "next_cursor": "n"}
    assert stations.registry.asked("stations.list")[-1] == {
        "online": True,
        "registration_status": "pending",
        "vendor": "V",
        "q": "x",
        "limit": 7,
        "cursor": "c",
    }


async def test_a_password_travels_as_proofs_only(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["stations.create"] = lambda parameters: parameters
    password = "0123456789abcdef"
    created = await admin.post("/stations", json={"station_id": "N/1", "password": password})
    assert created.status_code == 201
    request = stations.registry.asked("stations.create")[-1]
    assert "password" not in request
    assert tuple(request["credential_proofs"]) == credential_proofs(
        PEPPER, "N/1", password.encode()
    )
    for bad in ("x" * 15, "x" * 41):
        problem = is_problem(
            await admin.put("/stations/N/password", json={"password": bad}),
            422,
            "validation_failed",
        )
        assert problem["errors"][0]["field"] == "password"


async def test_a_password_is_generated_where_none_is_given(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    bodies: tuple[Answer | None, ...] = (None, {})
    for body in bodies:
        answer = await admin.put("/stations/N%2F1/password", json=body)
        assert answer.status_code == 200, answer.text
        password = answer.json()["password"]
        assert len(password) == 40
        request = stations.registry.asked("stations.set_password")[-1]
        assert tuple(request["credential_proofs"]) == credential_proofs(
            PEPPER, "N/1", password.encode()
        )
    assert (await admin.put("/stations/N%2F1/password")).status_code == 200


async def test_a_station_changes_by_what_is_given_null_included(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["stations.change"] = lambda parameters: parameters
    body: Answer = {"heartbeat_interval": None, "registration_status": "accepted"}
    changed = await admin.patch("/stations/S", json=body)
    assert changed.json() == {
        "station_id": "S",
        "set": ["heartbeat_interval", "registration_status"],
        **body,
    }
    is_problem(await admin.patch("/stations/S", json={"strict": None}), 422, "validation_failed")
    is_problem(await admin.patch("/stations/S", json={"vendor": "V"}), 422, "validation_failed")


async def test_a_station_that_charges_is_not_deleted(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["stations.delete"] = lambda _: None
    station_id = stations.online()
    stations.open_transactions[station_id] = {"1": 9}
    is_problem(await admin.delete(f"/stations/{station_id}"), 409, "open_transaction")
    del stations.open_transactions[station_id]
    assert (await admin.delete(f"/stations/{station_id}")).status_code == 204


async def test_what_a_service_refuses_is_passed_on(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["stations.get"] = no_such_station
    is_problem(await admin.get("/stations/unknown"), 404, "not_found")

    def conflict(_: Answer) -> None:
        raise refuse(409, "id_token_exists", "there is one", ("id_token", "differs in case only"))

    stations.sessions.operations["id_tokens.create"] = conflict
    problem = is_problem(
        await admin.post("/id-tokens", json={"id_token": "tag"}), 409, "id_token_exists"
    )
    assert problem["errors"] == [{"field": "id_token", "message": "differs in case only"}]


async def test_transactions_are_asked_for_with_times_in_utc(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    for operation in ("transactions.list", "transactions.meter_values", "quarantine.list"):
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


async def test_status_tells_what_is_up_and_a_service_that_is_away_is_503(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    fleet = {"stations": 2, "stations_online": 1, "gateways": []}
    stations.registry.operations["fleet.status"] = lambda _: fleet
    status = (await admin.get("/status")).json()
    assert (status["broker"], status["database"], status["station_registry"]) == ("up",) * 3
    assert status["stations_online"] == 1
    assert status["time"].endswith("Z")
    stations.registry.silent = True
    try:
        async with asyncio.timeout(8):
            answers = await asyncio.gather(
                admin.get("/stations"),
                admin.get("/stations/S"),
                admin.post("/stations/unknown-now/commands/Reset", json={"type": "Soft"}),
                admin.get("/status"),
            )
    finally:
        stations.registry.silent = False
    for answer in answers[:3]:
        is_problem(answer, 503, "service_unavailable")
        assert int(answer.headers["retry-after"]) > 0
    assert answers[3].json()["station_registry"] == "down"
    assert answers[3].json()["stations_online"] is None


async def test_openapi_has_one_documented_operation_per_command_action(
    nobody: httpx.AsyncClient,
) -> None:
    document = (await nobody.get("/openapi.json")).json()
    prefix = "/api/v1/stations/{station_id}/commands/"
    actions = {path.removeprefix(prefix) for path in document["paths"] if path.startswith(prefix)}
    assert actions == set(command_actions(OCPP16))
    assert len(actions) == 26
    reset = document["paths"][prefix + "Reset"]["post"]
    schema = reset["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["type"]["enum"] == ["Hard", "Soft"]
    assert "$schema" not in schema
    stop = document["paths"][prefix + "RemoteStopTransaction"]["post"]
    assert len(stop["requestBody"]["content"]["application/json"]["schema"]["oneOf"]) == 2
    operation_ids = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert len(operation_ids) == len(set(operation_ids))
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_documentation_and_console_come_from_this_process_alone(
    nobody: httpx.AsyncClient,
) -> None:
    for page in ("/", "/docs"):
        answer = await nobody.get(page)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "//" not in answer.text.replace("<!doctype html>", "")
    for asset in ("/docs/ui/swagger-ui-bundle.js", "/docs/ui/swagger-ui.css", "/docs/start.js"):
        assert (await nobody.get(asset)).status_code == 200
    is_problem(await nobody.get("/console/..%2Findex.html"), 404, "not_found")


async def test_probes_answer_on_the_rest_port_too(nobody: httpx.AsyncClient) -> None:
    assert (await nobody.get("/healthz")).text == "ok"
    assert (await nobody.get("/readyz")).json() == {"ready": True, "missing": {}}
