"""Another tenant's ids are answered as ids that do not exist, by the database and by the code."""

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from command_api_fakes import Stations, eventually, is_problem
from served_api import served_api
from sqlalchemy import text
from sqlalchemy.event import listen
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from tenants_of_api import Tenants, key_of

from command_api import process
from command_api.database import SCHEMA
from command_api.database.engines import Engines, create_engines
from command_api.settings import CommandApiSettings
from command_api.uploads.handlers import Uploads
from csms_local.nodes.ports import free_port
from csms_shared.db.engine import create_engine, in_transaction
from csms_shared.db.tenancy import RequestEngines, acting_for, create_requests_engine

pytestmark = pytest.mark.asyncio(loop_scope="package")

_NAMED = re.compile(r"(?:\w+\.)?\btenant_id = (\$\d+)(?:::VARCHAR)?(?: COLLATE \"C\")?")
_TABLES = (
    "users",
    "user_session",
    "api_keys",
    "commands",
    "command_group",
    "idempotency_keys",
    "uploads",
    "upload_tokens",
    "audit",
    "audit_outcome",
)
_PASSWORD = "a good password"
# Of what this service stores itself: method, path, which id of the other tenant it names, body.
_CASES: list[tuple[str, str, str, dict[str, Any] | None]] = [
    # First, for what is refused below is in the audit of who asks.
    ("GET", "/audit?target={}", "username", None),
    ("GET", "/audit?actor={}", "actor", None),
    ("GET", "/users", "", None),
    ("GET", "/users/{}", "username", None),
    ("PATCH", "/users/{}", "username", {"role": "viewer"}),
    ("DELETE", "/users/{}", "username", None),
    ("GET", "/users/{}/sessions", "username", None),
    ("DELETE", "/users/{}/sessions", "username", None),
    ("DELETE", "/users/{username}/sessions/{}", "session_id", None),
    ("GET", "/api-keys", "", None),
    ("DELETE", "/api-keys/{}", "key_id", None),
    ("GET", "/commands", "", None),
    ("GET", "/commands?station_id={}", "station_id", None),
    ("GET", "/commands?cursor={}", "command_id", None),
    ("GET", "/commands/{}", "command_id", None),
    ("POST", "/commands/{}/cancel", "command_id", None),
    ("POST", "/stations/{}/commands/Reset", "station_id", {"type": "Soft"}),
    ("GET", "/command-groups", "", None),
    ("GET", "/command-groups/{}", "group_id", None),
    ("GET", "/command-groups/{}/commands", "group_id", None),
    ("GET", "/command-groups?cursor={}", "group_id", None),
    ("POST", "/command-groups/{}/cancel", "group_id", None),
    ("GET", "/jobs/{job_id}/uploads/{}", "upload_id", None),
]


@dataclass(frozen=True, slots=True)
class Ids:
    """What there is of a tenant, by the names in `_CASES`."""

    tenant_id: str
    username: str
    session_id: str
    key_id: str
    actor: str
    station_id: str
    command_id: str
    group_id: str
    job_id: str
    upload_id: str


@pytest.fixture(scope="module")
def tenants(stations: Stations) -> Tenants:
    known = Tenants()
    known.answer_in(stations.registry)
    return known


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="package",
    params=["both", "the database alone", "the code alone"],
)
async def asked(
    request: pytest.FixtureRequest, settings: CommandApiSettings, rest_url: str
) -> AsyncIterator[httpx.AsyncClient]:
    """Ask an instance with both nets, or with one of them taken away."""
    patch = pytest.MonkeyPatch()

    def engines(url: str) -> Engines:
        made = create_engines(url)
        if request.param == "the code alone":
            return replace(made, rest=create_engine(url, SCHEMA, name="test", pool_size=8))
        if request.param == "the database alone":
            listen(made.rest.sync_engine, "before_cursor_execute", _without_tenant, retval=True)
        return made

    patch.setattr(process, "create_engines", engines)
    ports = {"probe_port": free_port(), "http_port": free_port()}
    async with (
        served_api(settings.model_copy(update=ports)) as url,
        httpx.AsyncClient(base_url=f"{url}/api/v1", trust_env=False, timeout=30) as client,
    ):
        yield client
    patch.undo()


def _without_tenant(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    return _NAMED.sub(r"CAST(\1 AS text) IS NOT NULL", statement), parameters


async def _store_all(
    admin: httpx.AsyncClient, stations: Stations, tenants: Tenants, service_url: str
) -> Ids:
    """Store one of everything that this service keeps of a tenant."""
    tenant_id = tenants.new()
    acting = {"X-Tenant": tenant_id}
    username = f"user-{secrets.token_hex(6)}"
    user = {"username": username, "password": _PASSWORD, "role": "admin"}
    assert (await admin.post("/users", json=user, headers=acting)).status_code == 201
    logged_in = await admin.post("/auth/token", data={"username": username, "password": _PASSWORD})
    assert logged_in.status_code == 200
    key = await admin.post("/api-keys", json={"name": "robot", "role": "operator"}, headers=acting)
    sessions = await admin.get(f"/users/{username}/sessions", headers=acting)
    station_id = stations.online()
    stations.owners[station_id]["tenant_id"] = tenant_id
    command = await admin.post(
        f"/stations/{station_id}/commands/Reset",
        json={"type": "Soft"},
        headers={"X-API-Key": key.json()["key"], "Idempotency-Key": "k"},
    )
    assert command.status_code == 200, command.text
    group = await admin.post(
        "/command-groups",
        json={
            "action": "Reset",
            "payload": {"type": "Soft"},
            "to": {"station_ids": [station_id]},
        },
        headers=acting,
    )
    assert group.status_code == 202, group.text
    # Later it would change by itself.
    path = f"/command-groups/{group.json()['command_group_id']}"
    await eventually(
        lambda: admin.get(path, headers=acting), lambda found: found.json()["completed_at"]
    )
    job_id, upload_id = await _upload(service_url, tenant_id)
    return Ids(
        tenant_id=tenant_id,
        username=username,
        session_id=sessions.json()["items"][0]["session_id"],
        key_id=key.json()["id"],
        actor="user:admin",
        station_id=station_id,
        command_id=command.json()["command_id"],
        group_id=group.json()["command_group_id"],
        job_id=job_id,
        upload_id=upload_id,
    )


async def _upload(service_url: str, tenant_id: str) -> tuple[str, str]:
    engine = create_engine(service_url, SCHEMA, name="test", pool_size=1)
    uploads = Uploads(RequestEngines(engine, engine), files=None, public_url=None, max_bytes=1)
    job_id, upload_id = uuid4(), uuid4()
    await in_transaction(
        engine,
        lambda connection: connection.execute(
            text(
                "INSERT INTO uploads (upload_id, job_id, file_name, size, sha256, remote_address, "
                "tenant_id) VALUES (:upload_id, :job_id, 'f', 1, '', '', :tenant_id)"
            ),
            {"upload_id": upload_id, "job_id": job_id, "tenant_id": tenant_id},
        ),
    )
    assert await uploads.of_job(tenant_id, job_id)
    assert not await uploads.of_job("default", job_id)
    await engine.dispose()
    return str(job_id), str(upload_id)


async def _rows_of(database: asyncpg.Pool, tenant_id: str) -> dict[str, list[str]]:
    return {
        table: [
            row[0]
            for row in await database.fetch(
                f"SELECT r::text FROM {table} AS r WHERE tenant_id = $1 ORDER BY 1",
                tenant_id,
            )
        ]
        for table in _TABLES
    }


def _plain(answer: httpx.Response, id: str) -> tuple[int, str, str]:
    """Return an answer without the id asked for, and what is another one each time."""
    body = answer.text.replace(id, "?") if id else answer.text
    body = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", body)
    return answer.status_code, answer.headers.get("content-type", ""), body


async def test_another_tenants_ids_are_answered_as_ids_that_do_not_exist(
    asked: httpx.AsyncClient,
    admin: httpx.AsyncClient,
    stations: Stations,
    tenants: Tenants,
    service_url: str,
    database: asyncpg.Pool,
) -> None:
    north = await _store_all(admin, stations, tenants, service_url)
    south = tenants.new()
    key = await key_of(admin, south)
    before = await _rows_of(database, north.tenant_id)
    assert all(rows for table, rows in before.items() if table != "upload_tokens")
    for method, path, named, body in _CASES:
        answers = []
        unknown = str(uuid4())
        for id in (getattr(north, named) if named else "", unknown if named else ""):
            target = path.format(id, username=north.username, job_id=north.job_id)
            answer = await asked.request(method, target, json=body, headers=key)
            answers.append(_plain(answer, id))
        if method == "GET" and named in ("", "actor"):
            # The audit of the south has what made the key.
            shown = answers[0][2]
            assert north.username not in shown, path
            assert north.command_id not in shown, path
            assert north.key_id not in shown, path
            assert north.group_id not in shown, path
        if named not in ("", "actor"):
            assert answers[0] == answers[1], (method, path)
    assert await _rows_of(database, north.tenant_id) == before
    # Its own tenant is answered otherwise.
    mine = await key_of(admin, north.tenant_id)
    for path in (
        f"/users/{north.username}",
        f"/users/{north.username}/sessions",
        f"/commands/{north.command_id}",
        f"/command-groups/{north.group_id}",
        f"/command-groups/{north.group_id}/commands",
    ):
        assert (await asked.get(path, headers=mine)).status_code == 200
    for path in (
        "/users",
        "/api-keys",
        "/commands",
        "/command-groups",
        f"/audit?target={north.username}",
    ):
        assert (await asked.get(path, headers=mine)).json()["items"], path


async def test_names_of_keys_are_a_tenants_and_names_of_users_the_deployments(
    asked: httpx.AsyncClient, admin: httpx.AsyncClient, tenants: Tenants
) -> None:
    keys = [await key_of(admin, tenants.new()) for _ in range(2)]
    name = secrets.token_hex(6)
    for key in (*keys, {"Authorization": admin.headers["Authorization"]}):
        robot = {"name": name, "role": "viewer"}
        assert (await asked.post("/api-keys", json=robot, headers=key)).status_code == 201
        again = await asked.post("/api-keys", json=robot, headers=key)
        is_problem(again, 409, "api_key_exists")
        # Other tests leave more than a page of them in the default tenant.
        shown = (await asked.get("/api-keys?limit=500", headers=key)).json()["items"]
        assert name in [item["name"] for item in shown]
    for key in keys:
        page = (await asked.get("/api-keys?limit=1", headers=key)).json()
        rest = await asked.get(f"/api-keys?cursor={page['next_cursor']}", headers=key)
        assert len(page["items"]) == len(rest.json()["items"]) == 1
    user = {"username": name, "password": _PASSWORD, "role": "viewer"}
    assert (await asked.post("/users", json=user, headers=keys[0])).status_code == 201
    taken = [await asked.post("/users", json=user, headers=key) for key in keys]
    assert is_problem(taken[0], 409, "user_exists") == is_problem(taken[1], 409, "user_exists")


async def test_an_idempotency_key_is_one_in_each_tenant(
    asked: httpx.AsyncClient, admin: httpx.AsyncClient, tenants: Tenants, stations: Stations
) -> None:
    made = []
    for tenant_id in (tenants.new(), tenants.new()):
        station_id = stations.online()
        stations.owners[station_id]["tenant_id"] = tenant_id
        headers = {
            "Authorization": admin.headers["Authorization"],
            "X-Tenant": tenant_id,
            "Idempotency-Key": "the-same",
        }
        answers = [
            await asked.post(
                f"/stations/{station_id}/commands/Reset", json={"type": "Soft"}, headers=headers
            )
            for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [200, 200]
        made += [answer.json()["command_id"] for answer in answers]
        assert answers[0].json()["tenant_id"] == tenant_id
    assert made[0] == made[1]
    assert made[2] == made[3] != made[0]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM parked",
        "SELECT * FROM outbox",
        "SELECT * FROM transaction_starts",
        "DELETE FROM audit",
        "UPDATE audit SET status = 1",
        "UPDATE audit_outcome SET status = 1",
        "DELETE FROM audit_outcome",
        "SELECT purge_audit(1, 1)",
        "UPDATE commands SET status = 'completed'",
        "DELETE FROM commands",
        "DELETE FROM command_group",
        "DELETE FROM uploads",
        "SELECT * FROM upload_tokens",
        "UPDATE bulk_action SET at = now()",
    ],
)
async def test_requests_have_no_other_rights(requests_engine: AsyncEngine, statement: str) -> None:
    with acting_for("default"), pytest.raises(DBAPIError, match="permission denied"):
        await in_transaction(requests_engine, lambda c: c.execute(text(statement)))


@pytest.mark.parametrize("table", ["users", "api_keys", "commands", "audit"])
async def test_who_acts_for_nobody_sees_nothing(
    requests_engine: AsyncEngine,
    admin: httpx.AsyncClient,
    stations: Stations,
    tenants: Tenants,
    service_url: str,
    table: str,
) -> None:
    north = await _store_all(admin, stations, tenants, service_url)
    count = text(f"SELECT count(*) FROM {table}")
    for tenant_id, seen in ((north.tenant_id, True), (tenants.new(), False), ("", False)):
        with acting_for(tenant_id):
            found = await in_transaction(requests_engine, lambda c: c.scalar(count))
        assert (found > 0) is seen


@pytest_asyncio.fixture(loop_scope="package")
async def requests_engine(service_url: str, rest_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_requests_engine(service_url, SCHEMA, name="test", pool_size=1)
    yield engine
    await engine.dispose()


async def test_a_token_of_an_upload_is_of_its_tenant(
    requests_engine: AsyncEngine, service_url: str, database: asyncpg.Pool, tenants: Tenants
) -> None:
    tenant_id, job_id = tenants.new(), uuid4()
    files: Any = object()
    uploads = Uploads(
        RequestEngines(requests_engine, requests_engine),
        files=files,
        public_url="https://x.example",
        max_bytes=1,
    )
    with acting_for(tenant_id):
        await uploads.location(tenant_id, job_id, datetime.now(UTC) + timedelta(hours=1))
    stored = await database.fetchval(
        "SELECT tenant_id FROM upload_tokens WHERE job_id = $1", job_id
    )
    assert stored == tenant_id
