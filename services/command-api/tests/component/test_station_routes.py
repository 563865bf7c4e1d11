"""Stations, their connectors and passwords, and any text in a path."""

import secrets

import asyncpg
import httpx
import pytest
from command_api_fakes import AUDIT, Answer, Stations, api_key, is_problem

from csms_shared.ocpp.credentials import credential_proofs

pytestmark = pytest.mark.asyncio(loop_scope="package")

PEPPER = b"pepper for the tests of this service"


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
    for name in ("strict", "exempt_from_limits"):
        is_problem(await admin.patch("/stations/S", json={name: None}), 422, "validation_failed")
    is_problem(await admin.patch("/stations/S", json={"vendor": "V"}), 422, "validation_failed")


async def test_only_an_administrator_exempts_a_station_and_that_is_audited(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    stations.registry.operations["stations.change"] = lambda parameters: parameters
    station_id = f"E-{secrets.token_hex(6)}"
    exempt: Answer = {"exempt_from_limits": True}
    operator = await api_key(admin, "operator")
    is_problem(
        await admin.patch(f"/stations/{station_id}", json=exempt, headers=operator),
        403,
        "forbidden",
    )
    changed = (await admin.patch(f"/stations/{station_id}", json=exempt)).json()
    assert changed == {"station_id": station_id, "set": ["exempt_from_limits"], **exempt}
    rows = await database.fetch(
        f"SELECT method, status FROM {AUDIT} WHERE path = $1 ORDER BY id",
        f"/api/v1/stations/{station_id}",
    )
    assert [tuple(row) for row in rows] == [("PATCH", 403), ("PATCH", 200)]


async def test_a_station_that_charges_is_not_deleted(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["stations.delete"] = lambda _: None
    station_id = stations.online()
    stations.open_transactions[station_id] = {"1": 9}
    is_problem(await admin.delete(f"/stations/{station_id}"), 409, "open_transaction")
    del stations.open_transactions[station_id]
    assert (await admin.delete(f"/stations/{station_id}")).status_code == 204


async def test_what_a_registry_of_the_release_before_did_not_store_is_not_acknowledged(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["stations.create"] = lambda parameters: {
        "station_id": parameters["station_id"]
    }
    name = secrets.token_hex(4)
    assert (await admin.post("/stations", json={"station_id": name})).status_code == 201
    for described in ({"site_id": "harbour"}, {"tags": ["fast"]}, {"phase_count": 3}):
        answer = await admin.post("/stations", json={"station_id": name, **described})
        is_problem(answer, 503, "service_unavailable")
        assert next(iter(described)) in answer.json()["detail"]
    stations.registry.operations["configuration_templates.create"] = lambda _: {"name": name}
    template = {"name": name, "values": {"HeartbeatInterval": "300"}}
    assert (await admin.post("/configuration-templates", json=template)).status_code == 201
    answer = await admin.post("/configuration-templates", json={**template, "tags": ["fast"]})
    is_problem(answer, 503, "service_unavailable")
