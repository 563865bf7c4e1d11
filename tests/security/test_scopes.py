"""A key that is limited to a site or a tag, tried at every route of the documentation."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.integration.third_party import now
from tests.integration.waiting import eventually
from tests.plain_http import NO_AUTHORITIES

Json = dict[str, Any]
BY_HAND = StationSettings(automatic=False)
NOWHERE = "no-such-station"
# A body with which each of these would do something to a station that there is.
BODIES: dict[tuple[str, str], Json] = {
    ("patch", "/stations/{station_id}"): {"strict": True},
    ("put", "/stations/{station_id}/connectors/{connector_id}/hardware"): {"max_power_w": 1_000},
    ("put", "/stations/{station_id}/password"): {"password": "a good password"},
    ("post", "/stations/{station_id}/diagnostics-jobs"): {},
    ("post", "/stations/{station_id}/log-jobs"): {"log_type": "SecurityLog"},
    ("post", "/stations/{station_id}/firmware-jobs"): {"location": "https://example.com/f"},
    ("post", "/stations/{station_id}/certificates/delete"): {
        "certificate_type": "CentralSystemRootCertificate",
        "serial_number": "01",
    },
}
QUERIES = {"/stations/{station_id}/composite-schedule": {"connector_id": 0}}
# Lists, and what in each item says whose it is.
LISTS = {
    "/stations": "station_id",
    "/connections": "station_id",
    "/transactions": "station_id",
    "/reservations": "station_id",
    "/commands": "station_id",
    "/jobs": "station_id",
    "/messages": "station_id",
    "/sites": "site_id",
}


@dataclass(frozen=True, slots=True)
class Furnished:
    """A station with one of everything: what of it has an id of its own, by its path."""

    station_id: str
    site_id: str
    tag: str
    items: dict[str, str]

    @property
    def names(self) -> dict[str, str]:
        return {"station_id": self.station_id, "site_id": self.site_id}


async def _furnish(run: RunState, operator: Operator, id_token: str) -> Furnished:
    station_id, tag = f"station-{secrets.token_hex(6)}", f"tag {secrets.token_hex(6)}"
    made = (await operator.http.post("/sites", json={"name": "Harbour"})).json()
    site_id = made["site_id"]
    place = {"station_id": station_id, "site_id": site_id, "tags": [tag]}
    assert (await operator.http.post("/stations", json=place)).status_code == 201
    async with SimulatedStation(station_id, run.ocpp_url, settings=BY_HAND) as station:
        await station.link.online.wait()
        await station.boot()

        async def started() -> int:
            start = {"connectorId": 1, "idTag": id_token, "meterStart": 0, "timestamp": now()}
            number: int = (await station.call("StartTransaction", start))["transactionId"]
            return number

        async def at_site() -> Json:
            number = await started()
            shown: Json = await operator.get(f"/transactions/{number}")
            return shown

        transaction = await eventually(at_site, lambda one: one["site_id"] is not None)
    reservation = await operator.http.post(
        "/reservations",
        json={
            "station_id": station_id,
            "connector_id": 2,
            "id_token": id_token,
            "expires_at": "2035-01-01T00:00:00Z",
        },
    )
    assert reservation.status_code == 201, reservation.text
    job = await operator.http.post(f"/stations/{station_id}/diagnostics-jobs", json={})
    assert job.status_code == 201, job.text
    held = await operator.http.post(
        f"/stations/{station_id}/commands/ClearCache",
        json={},
        params={"wait": 0, "hold_until": _soon()},
    )
    assert held.status_code in (200, 202), held.text
    items = {
        "/transactions/{transaction_id}": str(transaction["transaction_id"]),
        "/reservations/{reservation_id}": str(reservation.json()["reservation_id"]),
        "/jobs/{job_id}": job.json()["job_id"],
        "/commands/{command_id}": held.json()["command_id"],
        "/sites/{site_id}": site_id,
    }
    return Furnished(station_id, site_id, tag, items)


def _soon() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")


@pytest.fixture
async def inside(run: RunState, operator: Operator, id_token: str) -> Furnished:
    """A station that the limited key sees."""
    return await _furnish(run, operator, id_token)


@pytest.fixture
async def outside(run: RunState, operator: Operator, id_token: str) -> Furnished:
    """A station that the limited key does not see."""
    return await _furnish(run, operator, id_token)


@pytest.fixture(params=["site", "tag"])
async def limited(
    request: pytest.FixtureRequest, run: RunState, operator: Operator, inside: Furnished
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an administrator's key that is limited to the site, or to the tag."""
    by_site = request.param == "site"
    scope = {"site_ids": [inside.site_id]} if by_site else {"tags": [inside.tag]}
    wanted = {"name": secrets.token_hex(6), "role": "admin", "scope": scope}
    key = (await operator.http.post("/api-keys", json=wanted)).json()
    async with httpx.AsyncClient(
        base_url=f"{run.rest_url}/api/v1",
        headers={"X-API-Key": key["key"]},
        trust_env=False,
        verify=NO_AUTHORITIES,
        timeout=30,
    ) as client:
        yield client
    await operator.http.delete(f"/api-keys/{key['id']}")


@pytest.fixture
async def routes(run: RunState) -> list[tuple[str, str]]:
    """Method and path of every documented operation under /api/v1, without that."""
    async with httpx.AsyncClient(trust_env=False, verify=NO_AUTHORITIES, timeout=60) as client:
        document = (await client.get(f"{run.rest_url}/openapi.json")).json()
    return [
        (method, path.removeprefix("/api/v1"))
        for path, operations in document["paths"].items()
        for method in operations
        if path.startswith("/api/v1")
    ]


async def _answer(
    client: httpx.AsyncClient, method: str, template: str, names: dict[str, str]
) -> tuple[int, str, str]:
    """Return status, code and text of an answer, without the names that were asked for."""
    path = template
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", value)
    path = "/".join("1" if part.startswith("{") else part for part in path.split("/"))
    answer = await client.request(
        method,
        path,
        json=BODIES.get((method, template), {}) if method in ("post", "put", "patch") else None,
        params=QUERIES.get(template),
    )
    if answer.is_success:
        return answer.status_code, "", ""
    problem = answer.json()
    detail = problem["detail"]
    for value in names.values():
        detail = detail.replace(value, "...")
    return answer.status_code, problem["code"], detail


async def test_a_station_outside_is_answered_at_every_route_as_one_that_does_not_exist(
    limited: httpx.AsyncClient,
    operator: Operator,
    routes: list[tuple[str, str]],
    inside: Furnished,
    outside: Furnished,
) -> None:
    of_stations = [
        (method, path)
        for method, path in routes
        # Who moves a station is of the platform, and not limited.
        if "{station_id}" in path and path != "/stations/{station_id}/tenant"
    ]
    assert len(of_stations) > 40
    for method, path in of_stations:
        hidden = await _answer(limited, method, path, {"station_id": outside.station_id})
        missing = await _answer(limited, method, path, {"station_id": NOWHERE})
        assert hidden == missing, (method, path)
        assert hidden == (404, "not_found", "there is no station ..."), (method, path)
    # Nothing was done to it.
    assert (await operator.get(f"/stations/{outside.station_id}"))["strict"] is False
    reading = [path for method, path in of_stations if method == "get"]
    for path in reading:
        status, code, _ = await _answer(limited, "get", path, {"station_id": inside.station_id})
        assert status == 200 or code == "not_found", (path, status, code)
    for path in ("/stations/{station_id}", "/stations/{station_id}/history"):
        assert (await _answer(limited, "get", path, inside.names))[0] == 200


async def test_what_belongs_to_a_station_outside_is_answered_as_what_does_not_exist(
    limited: httpx.AsyncClient,
    routes: list[tuple[str, str]],
    inside: Furnished,
    outside: Furnished,
) -> None:
    missing = {
        "transaction_id": "2147483647",
        "reservation_id": "2147483647",
        "job_id": "00000000-0000-0000-0000-000000000000",
        "command_id": "00000000-0000-0000-0000-000000000000",
        "site_id": "no-such-site",
    }
    for item, hidden_id in outside.items.items():
        name = item.partition("{")[2].rstrip("}")
        for method, path in routes:
            if not path.startswith(item):
                continue
            hidden = await _answer(limited, method, path, {name: hidden_id})
            none = await _answer(limited, method, path, {name: missing[name]})
            assert hidden == none, (method, path)
            assert hidden[:2] in (
                (404, "not_found"),
                (403, "outside_scope"),
                (422, "validation_failed"),
            ), (method, path, hidden)
        assert (await _answer(limited, "get", item, {name: inside.items[item]}))[0] == 200, item


async def test_lists_hold_what_is_inside_and_nothing_else(
    limited: httpx.AsyncClient, inside: Furnished, outside: Furnished
) -> None:
    for path, name in LISTS.items():
        found: set[str] = set()
        query: dict[str, Any] = {"limit": 1}
        while True:
            page = (await limited.get(path, params=query)).json()
            found |= {item[name] for item in page["items"]}
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        expected = set() if path == "/connections" else {inside.names[name]}
        assert found == expected, path


async def test_every_other_route_is_refused(
    limited: httpx.AsyncClient, routes: list[tuple[str, str]]
) -> None:
    items = (
        "/transactions/",
        "/bills/",
        "/reservations",
        "/jobs",
        "/commands",
        "/sites/{",
        "/users/",
    )
    allowed = {"/status", "/overview", "/events", "/events/history", "/bills", *LISTS}
    refused = 0
    for method, path in routes:
        if "{station_id}" in path or (path.startswith(items) and method != "delete"):
            continue
        if (path in allowed and method == "get") or path.startswith("/auth/"):
            continue
        answer = await _answer(limited, method, path, {})
        assert answer[:2] in ((403, "outside_scope"), (403, "forbidden")), (method, path, answer)
        refused += 1
    assert refused > 40
