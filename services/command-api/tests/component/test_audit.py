"""The audit: what entries hold, how they are found, and that nobody changes them."""

import asyncio
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from command_api_fakes import Stations, api_key, is_problem

from command_api.audit.store import AuditFilter, newest_entries
from command_api.database import SCHEMA
from csms_shared.db.engine import create_engine
from csms_shared.values.tenants import DEFAULT_TENANT

pytestmark = pytest.mark.asyncio(loop_scope="package")

Entry = dict[str, Any]


async def entries(admin: httpx.AsyncClient, **query: str | int) -> list[Entry]:
    answer = await admin.get("/audit", params=query)
    assert answer.status_code == 200, answer.text
    items: list[Entry] = answer.json()["items"]
    return items


async def make_user(admin: httpx.AsyncClient) -> str:
    name = f"user-{secrets.token_hex(4)}"
    user = {"username": name, "password": "a good password", "role": "viewer"}
    assert (await admin.post("/users", json=user)).status_code == 201
    return name


async def test_an_entry_says_who_did_what_from_where_before_and_after(
    admin: httpx.AsyncClient,
) -> None:
    name = await make_user(admin)
    headers = {"X-Request-ID": "request-7"}
    changed = await admin.patch(f"/users/{name}", json={"role": "operator"}, headers=headers)
    assert changed.headers["x-request-id"] == "request-7"
    await admin.delete(f"/users/{name}")
    removed, change, made = await entries(admin, target=name)
    assert change == {
        **change,
        "actor": "user:admin",
        "actor_name": "admin",
        "role": "admin",
        "address": "127.0.0.1",
        "request_id": "request-7",
        "method": "PATCH",
        "path": f"/api/v1/users/{name}",
        "target_type": "users",
        "target": name,
        "status": 200,
        "asked": {"role": "operator"},
        "outcome": None,
    }
    assert (change["before"]["role"], change["after"]["role"]) == ("viewer", "operator")
    assert (made["method"], made["before"], made["after"]["username"]) == ("POST", None, name)
    assert (removed["status"], removed["before"]["role"], removed["after"]) == (
        204,
        "operator",
        None,
    )
    assert await entries(admin, target=f"users/{name}") == [removed, change, made]
    assert await entries(admin, target=f"stations/{name}") == []


async def test_what_the_owning_service_showed_before_is_kept_with_its_change(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    token = f"T/{secrets.token_hex(4)}"
    shown = {"id_token": token, "status": "accepted"}
    stations.sessions.operations["id_tokens.get"] = lambda _: shown
    stations.sessions.operations["id_tokens.change"] = lambda _: {**shown, "status": "blocked"}
    answer = await admin.post(f"/id-tokens/{token.replace('/', '%2F')}/block")
    assert answer.status_code == 200, answer.text
    (entry,) = await entries(admin, target=token)
    assert (entry["before"], entry["after"]["status"]) == (shown, "blocked")
    assert await entries(admin, target=f"id-tokens/{token}") == [entry]


async def test_what_is_made_is_found_by_the_id_that_it_got(admin: httpx.AsyncClient) -> None:
    key = {"name": secrets.token_hex(6), "role": "viewer"}
    made = (await admin.post("/api-keys", json=key)).json()
    (entry,) = await entries(admin, target=made["id"])
    assert (entry["target_type"], entry["target"], entry["asked"]) == ("api-keys", made["id"], key)


async def test_a_site_that_is_made_is_found_by_its_id(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["sites.create"] = lambda site: {**site, "notes": None}
    given, made = f"site/{secrets.token_hex(4)}", await admin.post("/sites", json={"name": "A"})
    await admin.post("/sites", json={"site_id": given, "name": "B"})
    for site_id in (made.json()["site_id"], given):
        (entry,) = await entries(admin, target=f"sites/{site_id}")
        assert (entry["target"], entry["status"]) == (site_id, 201)


async def test_no_secret_is_kept(admin: httpx.AsyncClient, database: asyncpg.Pool) -> None:
    secret = secrets.token_urlsafe(24)
    name = f"user-{secrets.token_hex(4)}"
    await admin.post("/users", json={"username": name, "password": secret, "role": "viewer"})
    await admin.patch(f"/users/{name}", json={"password": f"{secret}!"})
    wrong = {"current_password": secret, "new_password": f"{secret}?"}
    await admin.put("/users/me/password", json=wrong)
    key = (await admin.post("/api-keys", json={"name": secret[:8], "role": "viewer"})).json()
    location = f"ftp://someone:{secret}@example.org/fw.bin?token={secret}"
    await admin.post("/stations/X/firmware-jobs", json={"location": location})
    values = {"AuthorizationKey": secret, "HeartbeatInterval": "300"}
    template = {"name": "t", "values": values, "station_ids": []}
    await admin.post("/configuration-templates", json=template)
    await admin.put("/stations/X/password", json={"password": secret})
    for told in (secret, key["key"]):
        kept = await database.fetchval(
            "SELECT count(*) FROM audit LEFT JOIN audit_outcome AS ended ON audit_id = audit.id "
            "WHERE concat(path, asked, before, after, ended.outcome) LIKE '%' || $1 || '%'",
            told,
        )
        assert kept == 0
    change, _ = await entries(admin, target=name)
    assert change["asked"] == {"password": "***"}


@pytest.mark.parametrize(
    "username", ["a\x00b", "x" * 10_000, "\ud800", 10**30, -1, [], {"a": {}}, None, True, ""]
)
async def test_a_body_that_is_refused_is_noted_whatever_it_holds(
    admin: httpx.AsyncClient, username: Any
) -> None:
    body = json.dumps({"username": username, "password": "a good password", "role": "viewer"})
    headers = {"Content-Type": "application/json", "X-Request-ID": f"odd-{secrets.token_hex(4)}"}
    answer = await admin.post("/users", content=body, headers=headers)
    assert answer.status_code == 422, answer.text
    (entry,) = [one for one in await entries(admin) if one["request_id"] == headers["X-Request-ID"]]
    assert (entry["status"], entry["target_type"], entry["after"]) == (422, "users", None)


async def test_a_client_that_goes_before_the_end_of_its_body_is_no_defect(
    admin: httpx.AsyncClient, rest_url: str
) -> None:
    url, noted = httpx.URL(rest_url), f"gone-{secrets.token_hex(4)}"
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(
        f"POST /api/v1/users HTTP/1.1\r\nHost: x\r\nX-Request-ID: {noted}\r\n"
        f"Authorization: {admin.headers['Authorization']}\r\n"
        'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"username'.encode()
    )
    await writer.drain()
    writer.close()

    async def statuses() -> list[int]:
        return [one["status"] for one in await entries(admin) if one["request_id"] == noted]

    async with asyncio.timeout(10):
        while await statuses() in ([], [None]):
            await asyncio.sleep(0.1)
    assert await statuses() == [408]


async def test_what_is_deep_or_long_is_noted_in_part(admin: httpx.AsyncClient) -> None:
    long = {"vendor": "v", "values": {f"k{number}": "x" * 400 for number in range(400)}}
    deep = "[" * 500 + "]" * 500
    for body in (json.dumps(long), f'{{"values": {deep}}}'):
        headers = {"Content-Type": "application/json", "X-Request-ID": secrets.token_hex(8)}
        answer = await admin.post("/configuration-templates", content=body, headers=headers)
        assert answer.status_code == 422, answer.text
        (entry,) = [
            one for one in await entries(admin) if one["request_id"] == headers["X-Request-ID"]
        ]
        assert len(json.dumps(entry["asked"])) < 1_000
    assert entry["asked"]["values"] != []


async def test_of_a_request_that_is_not_allowed_no_body_is_kept(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient
) -> None:
    headers = {**await api_key(admin, "viewer"), "X-Request-ID": secrets.token_hex(8)}
    body = {"site_id": "s", "name": "x" * 60_000}
    for method, path in (("POST", "/sites"), ("PATCH", "/stations/X"), ("DELETE", "/sites/s")):
        answer = await nobody.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.status_code == 403, answer.text
    noted = [one for one in await entries(admin) if one["request_id"] == headers["X-Request-ID"]]
    assert [(one["path"], one["status"], one["asked"], one["before"]) for one in noted] == [
        ("/api/v1/sites/s", 403, None, None),
        ("/api/v1/stations/X", 403, None, None),
        ("/api/v1/sites", 403, None, None),
    ]


@pytest.mark.parametrize("given", ["", "with blank", "é", "x" * 129, "a\tb"])
async def test_an_id_of_a_request_that_is_none_is_replaced(
    nobody: httpx.AsyncClient, given: str
) -> None:
    answer = await nobody.get("/healthz", headers=[(b"X-Request-ID", given.encode())])
    made = answer.headers.get_list("x-request-id")
    assert len(made) == 1
    assert len(made[0]) == 32


async def test_problems_and_refused_requests_have_an_id_too(nobody: httpx.AsyncClient) -> None:
    first, second = [await nobody.get("/api/v1/nothing/here") for _ in range(2)]
    assert (first.status_code, second.status_code) == (404, 404)
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


async def test_it_is_found_by_actor_and_time_and_paged_without_gap_or_repeat(
    admin: httpx.AsyncClient, rest_url: str
) -> None:
    header = await api_key(admin, "admin")
    began = datetime.now(UTC)
    names = [f"no-{secrets.token_hex(4)}" for _ in range(5)]
    async with httpx.AsyncClient(base_url=f"{rest_url}/api/v1", headers=header) as client:
        for name in names:
            is_problem(await client.delete(f"/users/{name}"), 404, "not_found")
    (one,) = await entries(admin, target=names[0])
    actor = one["actor"]
    assert actor.startswith("api-key:")
    ended = datetime.now(UTC)
    found: list[str] = []
    query: dict[str, str | int] = {
        "limit": 2,
        "actor": actor,
        "from": began.isoformat(),
        "to": (ended + timedelta(seconds=1)).isoformat(),
    }
    while True:
        page = (await admin.get("/audit", params=query)).json()
        found += [entry["target"] for entry in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == names[::-1]
    assert await entries(admin, actor=actor, to=began.isoformat()) == []
    assert await entries(admin, actor=f"user:{actor}") == []
    assert (await entries(admin, actor="admin", limit=1))[0]["actor"] == "user:admin"
    for parameter, value in (("from", "yesterday"), ("cursor", "WzFd"), ("actor", "x" * 301)):
        answer = await admin.get("/audit", params={parameter: value})
        assert answer.status_code == 422, parameter


@pytest.mark.parametrize("filtered_by", ["target", "actor"])
async def test_a_page_about_a_target_or_an_actor_reads_no_more_than_it_shows(
    database: asyncpg.Pool, service_url: str, filtered_by: str
) -> None:
    target = f"S-{secrets.token_hex(4)}"
    await database.execute(
        "WITH noted AS (INSERT INTO audit (principal, role, address, method, path, request_id, "
        "target_type, target_id, at) SELECT 'user:' || who, 'admin', '', 'PATCH', '', 'r', "
        "'stations', $1, now() - make_interval(hours => 1, secs => n) "
        "FROM generate_series(1, 60000) AS n, "
        "LATERAL (SELECT CASE WHEN n > 30000 THEN $1 ELSE 'newer' END AS who) AS by RETURNING id) "
        "INSERT INTO audit_outcome (audit_id, status) SELECT id, 200 FROM noted",
        target,
    )
    await database.execute("ANALYZE audit, audit_outcome")
    filters = {
        "target": AuditFilter(DEFAULT_TENANT, target=f"stations/{target}"),
        "actor": AuditFilter(DEFAULT_TENANT, actor=target),
    }
    wanted = newest_entries(filters[filtered_by], None, 20)
    engine = create_engine(service_url, SCHEMA, name="test", pool_size=1)
    try:
        async with engine.connect() as connection:
            sql = wanted.compile(engine.sync_engine, compile_kwargs={"literal_binds": True})
            explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}"
            plan = (await connection.exec_driver_sql(explain)).scalar_one()
    finally:
        await engine.dispose()
    assert plan[0]["Plan"]["Actual Rows"] == 20
    assert _rows_read(plan[0]["Plan"]) < 1_000


def _rows_read(node: dict[str, Any]) -> float:
    rows = sum(_rows_read(part) for part in node.get("Plans", ()))
    if str(node.get("Relation Name")).startswith("audit"):
        rows += node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0)
    return rows


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET principal = 'user:somebody-else'",
        "UPDATE audit SET status = 200",
        "UPDATE audit SET asked = '{}'",
        "DELETE FROM audit",
        "TRUNCATE audit CASCADE",
        "UPDATE audit_outcome SET status = 200",
        "DELETE FROM audit_outcome",
        "TRUNCATE audit_outcome",
        "ALTER TABLE audit DISABLE TRIGGER audit_is_completed_once",
        "DROP TABLE audit CASCADE",
    ],
)
async def test_the_services_role_changes_and_removes_no_entry(
    admin: httpx.AsyncClient, service_url: str, statement: str
) -> None:
    await make_user(admin)
    service = await asyncpg.connect(service_url, server_settings={"search_path": "command"})
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(statement)
    finally:
        await service.close()


async def test_a_program_of_the_release_before_completes_its_own_entry_once(
    service_url: str,
) -> None:
    service = await asyncpg.connect(service_url, server_settings={"search_path": "command"})
    try:
        noted = await service.fetchval(
            "INSERT INTO audit (principal, role, address, method, path) "
            "VALUES ('user:old', 'admin', '', 'PUT', '/old') RETURNING id"
        )
        ended = "UPDATE audit SET status = $2 WHERE id = $1"
        await service.execute(ended, noted, 200)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(ended, noted, 500)
    finally:
        await service.close()


async def test_the_services_role_purges_what_is_old_and_nothing_younger_than_a_day(
    service_url: str, database: asyncpg.Pool
) -> None:
    for hours in (20, 30):
        await database.execute(
            "INSERT INTO audit (at, principal, role, address, method, path, request_id) "
            "VALUES (now() - make_interval(hours => $1), 'user:aged', 'admin', '', 'PUT', '', '')",
            hours,
        )
    service = await asyncpg.connect(service_url, server_settings={"search_path": "command"})
    try:
        while await service.fetchval("SELECT purge_audit(-10000, 1000)"):
            pass
    finally:
        await service.close()
    left = "SELECT count(*) FROM audit WHERE principal = 'user:aged'"
    assert await database.fetchval(left) == 1
