"""What one tenant has is, for another, as what there is not: every route, stream and event."""

import asyncio
import contextlib
import json
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.conformance.played_station import connected
from tests.extremes.rest_requests import Routes
from tests.integration.waiting import eventually
from tests.plain_http import NO_AUTHORITIES
from tests.rest.furnished_suite import Furniture, furnished

Document = dict[str, Any]
Answer = tuple[int, str]

_UUIDS = (
    "job_id", "upload_id", "template_id", "rollout_id", "command_id", "command_group_id",
    "item_id", "session_id", "key_id",
)  # fmt: skip
_NUMBERS = ("transaction_id", "reservation_id", "refusal_id")
# Names of no tenant's things.
_COMMON = {"connector_id": "1"}
# Queries that name things, beside those that are spelled as path parameters are.
_QUERIES = {"tag": "tagged", "q": "ANSWERING"}
# A stream is listened to below; tenants are told only to platform administrators.
_NOT_HERE = ("/events", "/tenants", "/tenants/{tenant_id}", "/stations/{station_id}/tenant")
_VARYING = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)"
    r'|"changes":"[^"]*"|"(station_)?reservation_id":\d+'
)


@dataclass(frozen=True, slots=True)
class Case:
    """One request; `names` are what it names of another tenant, or of nobody."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.query} {self.body}"


@dataclass(frozen=True, slots=True)
class Pair:
    """The same request about the other tenant's thing and about one that there is not."""

    theirs: Case
    nobodys: Case


async def _new_tenant(operator: Operator) -> str:
    tenant_id = f"t-{secrets.token_hex(6)}"
    made = await operator.http.post("/tenants", json={"tenant_id": tenant_id, "name": "Tenant"})
    assert made.status_code == 201, made.text
    return tenant_id


@contextlib.asynccontextmanager
async def _client(run: RunState, headers: Mapping[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=f"{run.rest_url}/api/v1",
        headers=headers,
        timeout=60,
        trust_env=False,
        verify=NO_AUTHORITIES,
    ) as client:
        yield client


@contextlib.asynccontextmanager
async def _furnished_tenant(
    run: RunState, operator: Operator
) -> AsyncIterator[tuple[httpx.AsyncClient, Furniture]]:
    """Give a tenant one of each thing; and who reads them as its administrator."""
    other = await _new_tenant(operator)
    name, password = run.admin_username, run.admin_password
    plain = httpx.AsyncHTTPTransport(verify=NO_AUTHORITIES)
    async with Operator(run.rest_url, name, password, plain) as acting:
        acting.http.headers["X-Tenant"] = other
        async with furnished(run, acting, "admin", is_default=False) as furniture:
            assert await acting.items("/transactions"), "the furniture is the other tenant's"
            yield acting.http, furniture


async def test_another_tenants_things_are_answered_as_things_that_there_are_not(
    run: RunState, operator: Operator
) -> None:
    document = (await operator.http.get(f"{run.rest_url}/openapi.json")).json()
    async with _furnished_tenant(run, operator) as (others, furniture):
        names = await _names(others, furniture)
        before = await _kept(others)
        for headers in await _askers(operator):
            async with _client(run, headers) as asking:
                own = await _own_things(asking)
                async with _nothing_is_told(run, asking, others, own["station_id"]) as markers:
                    markers += _markers(furniture, names)
                    await _shows_nothing(asking, document, markers)
                    # One of this name is reserved for below.
                    markers.remove(names["id_token"])
                    pairs = list(_pairs(document, names, own))
                    assert len(pairs) > 120
                    differing = [
                        (pair, answers)
                        for pair in pairs
                        if len(set(answers := await _answers(asking, pair))) > 1
                    ]
                    assert differing == []
        assert await _kept(others) == before


async def _askers(operator: Operator) -> list[dict[str, str]]:
    """Return who asks: the administrator of a tenant, and a platform administrator for another."""
    acting = [
        {"Authorization": operator.authorization, "X-Tenant": await _new_tenant(operator)}
        for _ in range(2)
    ]
    wanted = {"name": "asking", "role": "admin"}
    key = await operator.http.post("/api-keys", json=wanted, headers=acting[0])
    return [{"X-API-Key": key.json()["key"]}, acting[1]]


@contextlib.asynccontextmanager
async def _nothing_is_told(
    run: RunState, asking: httpx.AsyncClient, others: httpx.AsyncClient, station_id: str
) -> AsyncIterator[list[str]]:
    """Listen to the events of both; of the other's markers, which are told here, one hears none."""
    markers: list[str] = []
    heard: list[str] = []
    told: list[str] = []
    async with asyncio.TaskGroup() as group:
        listening = [
            group.create_task(_listen(asking, heard)),
            group.create_task(_listen(others, told)),
        ]
        yield markers

        async def seen() -> bool:
            # The other one's station reports all the time.
            return len(told) > 3 and any(station_id in line for line in heard)

        async with connected(run.ocpp_url, station_id):
            await eventually(seen, bool, 60)
        for task in listening:
            task.cancel()
    assert [line for line in heard if any(marker in line for marker in markers)] == []
    tenants = [{json.loads(line)["tenantid"] for line in lines} for lines in (heard, told)]
    assert [len(found) for found in tenants] == [1, 1]
    assert tenants[0] != tenants[1]


async def _listen(client: httpx.AsyncClient, lines: list[str]) -> None:
    async with client.stream("GET", "/events", timeout=None) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            field, _, data = line.partition(":")
            lines += [data] if field == "data" else []


async def _own_things(client: httpx.AsyncClient) -> dict[str, str]:
    """Make what requests are about that name another tenant's things in their bodies."""
    mark = secrets.token_hex(4)
    own = {"station_id": f"OWN-{mark}", "site_id": f"own-{mark}", "id_token": f"OWN{mark}"}
    for path, body in (
        ("/sites", {"site_id": own["site_id"], "name": "Own"}),
        ("/stations", {"station_id": own["station_id"], "site_id": own["site_id"]}),
        ("/id-tokens", {"id_token": own["id_token"]}),
    ):
        made = await client.post(path, json=body)
        assert made.status_code == 201, made.text
    template = {"name": f"own {mark}", "values": {"HeartbeatInterval": "300"}}
    made = await client.post("/configuration-templates", json=template)
    return own | {"template_id": made.json()["template_id"]}


async def _names(client: httpx.AsyncClient, furniture: Furniture) -> dict[str, str]:
    """Return the furniture by the names that path parameters have."""
    names = {name: str(known[0]) for name, known in furniture.known.items()}
    sessions = await client.post(
        "/auth/token", data={"username": furniture.user, "password": "long enough"}
    )
    assert sessions.status_code == 200
    session = (await client.get(f"/users/{furniture.user}/sessions")).json()["items"][0]
    return names | {"key_id": furniture.key_id, "session_id": session["session_id"]}


def _nobodys(name: str) -> str:
    if name in _UUIDS:
        return "018f0000-0000-7000-8000-0000000000ff"
    return "2000000011" if name in _NUMBERS else f"nothing-{name.replace('_', '-')}"


def _markers(furniture: Furniture, names: dict[str, str]) -> list[str]:
    """Return what no answer to another tenant may hold."""
    known = [str(one) for many in furniture.known.values() for one in many]
    found = {*known, *names.values(), furniture.trusting, furniture.away, furniture.user}
    # Tenants are the deployment's; a number alone marks nothing.
    found -= {str(one) for one in furniture.known["tenant_id"]}
    return [one for one in found if not one.isdigit()]


def _pairs(document: Document, names: dict[str, str], own: dict[str, str]) -> Iterator[Pair]:
    """Yield each request with the other's names, and with names of nothing."""
    for full, operations in document["paths"].items():
        path = full.removeprefix("/api/v1")
        if path in _NOT_HERE:
            continue
        for method, operation in operations.items():
            parameters = operation.get("parameters", [])
            yield from _in_path(document, method, path, parameters, names)
            yield from _in_query(method, path, parameters, names)
    yield from _in_bodies(names, own)


def _in_path(
    document: Document, method: str, path: str, parameters: list[Document], names: dict[str, str]
) -> Iterator[Pair]:
    named = [one["name"] for one in parameters if one["in"] == "path"]
    wanted = [name for name in named if name not in _COMMON]
    if not wanted:
        return
    query = {"connector_id": "1"} if path.endswith("/composite-schedule") else {}
    cases = []
    for known in (names, {name: _nobodys(name) for name in wanted}):
        values = {name: known[name] for name in wanted}
        body = Routes(document, _COMMON | names).valid_body(path, method)
        cases.append(
            Case(
                method.upper(),
                path.format(**_COMMON | values),
                query,
                body,
                tuple(values.values()),
            )
        )
    yield Pair(*cases)


def _in_query(
    method: str, path: str, parameters: list[Document], names: dict[str, str]
) -> Iterator[Pair]:
    if method != "get" or "{" in path:
        return
    for parameter in parameters:
        name = parameter["name"]
        value = names.get(name) or _QUERIES.get(name)
        if parameter["in"] == "query" and value is not None:
            nobodys = _nobodys(name) if name in names else "nothing"
            yield Pair(
                Case("GET", path, {name: value}, None, (value,)),
                Case("GET", path, {name: nobodys}, None, (nobodys,)),
            )


def _in_bodies(names: dict[str, str], own: dict[str, str]) -> Iterator[Pair]:
    station, own_station = "station_id", own["station_id"]
    firmware = {"location": "https://firmware.example/2.0.bin"}
    ends = {"expires_at": "2099-01-01T00:00:00Z"}
    values = {"HeartbeatInterval": "300"}
    reset = {"action": "Reset", "payload": {"type": "Soft"}}
    template = f"/configuration-templates/{own['template_id']}"
    # Method, path, what is named, the body around the name.
    bodies: list[tuple[str, str, str, Any]] = [
        ("PATCH", f"/stations/{own_station}", "site_id", lambda id: {"site_id": id}),
        ("POST", "/stations", "site_id", lambda id: {"station_id": "own-2", "site_id": id}),
        ("POST", "/reservations", station,
         lambda id: {"station_id": id, "connector_id": 1, "id_token": own["id_token"], **ends}),
        ("POST", "/reservations", "id_token",
         lambda id: {"station_id": own_station, "connector_id": 1, "id_token": id, **ends}),
        ("POST", "/firmware-rollouts", station,
         lambda id: {"name": "r", "station_ids": [id], **firmware}),
        ("POST", "/firmware-rollouts", "site_id",
         lambda id: {"name": "r", "filter": {"site_id": id}, **firmware}),
        ("POST", "/configuration-templates", station,
         lambda id: {"name": "n", "values": values, "station_ids": [id]}),
        ("POST", "/configuration-templates", "site_id",
         lambda id: {"name": "n", "values": values, "site_ids": [id]}),
        ("PUT", template, station,
         lambda id: {"name": "own", "values": values, "station_ids": [id]}),
        ("PUT", template, "site_id",
         lambda id: {"name": "own", "values": values, "site_ids": [id]}),
        ("POST", "/command-groups", "site_id", lambda id: {"to": {"site_id": id}, **reset}),
        ("POST", f"/stations/{own_station}/commands/RemoteStopTransaction", "transaction_id",
         lambda id: {"transactionId": int(id)}),
        ("POST", "/quarantine/bulk/dismiss", station, lambda id: {"station_id": id}),
        ("POST", "/quarantine/bulk/reconcile", "transaction_id",
         lambda id: {"station_id": own_station, "transaction_id": int(id)}),
    ]  # fmt: skip
    for method, path, name, body in bodies:
        cases = [Case(method, path, {}, body(id), (id,)) for id in (names[name], _nobodys(name))]
        yield Pair(*cases)


async def _answers(client: httpx.AsyncClient, pair: Pair) -> list[Answer]:
    return [await _answer(client, case) for case in (pair.theirs, pair.nobodys)]


async def _answer(client: httpx.AsyncClient, case: Case) -> Answer:
    """Return the answer without what is another one each time."""
    answer = await client.request(case.method, case.path, params=case.query, json=case.body)
    assert answer.status_code < 500, (str(case), answer.text)
    shown = _VARYING.sub("VARIES", answer.text)
    for name in sorted(case.names, key=len, reverse=True):
        shown = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", "?", shown)
    return answer.status_code, shown


async def _shows_nothing(client: httpx.AsyncClient, document: Document, markers: list[str]) -> None:
    """Read every list and figure: nothing of the other is in it."""
    read = 0
    for full, operations in document["paths"].items():
        path = full.removeprefix("/api/v1")
        if "get" not in operations or "{" in path or path in _NOT_HERE:
            continue
        answer = await client.get(path, params={"limit": 500})
        found = [marker for marker in markers if marker in answer.text]
        assert found == [], (path, found)
        read += 1
    assert read > 15


async def _kept(client: httpx.AsyncClient) -> dict[str, list[Any]]:
    """Return what requests could have changed, without what stations change."""
    fields = {
        "/sites": ("site_id", "name", "updated_at"),
        "/id-tokens": ("id_token", "status", "updated_at"),
        "/users": ("username", "role"),
        "/api-keys": ("id", "name", "role"),
        "/configuration-templates": ("template_id", "name", "updated_at"),
        "/firmware-rollouts": ("rollout_id", "status"),
        "/reservations": ("reservation_id", "status"),
        "/quarantine": ("id", "status"),
        "/stations": ("station_id", "site_id", "tags", "registration_status", "display_name"),
        "/command-groups": ("command_group_id",),
    }
    kept = {}
    for path, wanted in fields.items():
        page = (await client.get(path, params={"limit": 500})).json()
        kept[path] = [[item.get(name) for name in wanted] for item in page["items"]]
        assert kept[path], path
    return kept
