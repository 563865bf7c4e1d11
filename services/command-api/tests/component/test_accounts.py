"""Log-in, users, API keys, and what each role may do."""

import asyncio
import secrets

import httpx
import pytest
from command_api_fakes import api_key, eventually, is_problem

from command_api.settings import CommandApiSettings

pytestmark = pytest.mark.asyncio(loop_scope="package")


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


async def test_wrong_passwords_are_refused_alike_and_counted_and_the_right_one_passes_in_time(
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
    limited = await log_in(name, password)
    is_problem(limited, 429, "too_many_failures")
    assert int(limited.headers["retry-after"]) > 0

    async def right() -> httpx.Response:
        return await log_in(name, password)

    token = (await eventually(right, lambda answer: answer.status_code == 200)).json()
    assert token["token_type"] == "bearer"
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert (await nobody.get("/api/v1/commands", headers=headers)).status_code == 200
    is_problem(await nobody.get("/api/v1/users", headers=headers), 403, "forbidden")


async def test_guesses_that_come_at_once_are_checked_no_oftener_than_one_by_one(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient
) -> None:
    name, other, password = secrets.token_hex(6), secrets.token_hex(6), "a good password"
    for username in (name, other):
        user = {"username": username, "password": password, "role": "viewer"}
        assert (await admin.post("/users", json=user)).status_code == 201

    async def log_in(username: str, given: str) -> int:
        answer = await nobody.post(
            "/api/v1/auth/token", data={"username": username, "password": given}, timeout=60
        )
        return answer.status_code

    answers = await asyncio.gather(
        *(log_in(name, f"guess {number}") for number in range(60)),
        *(log_in(secrets.token_hex(6), "guess") for _ in range(60)),
        log_in(other, password),
    )
    guesses, made_up, right = answers[:60], answers[60:-1], answers[-1]
    assert right == 200
    assert guesses.count(401) <= CommandApiSettings.model_fields["login_attempts"].default
    assert set(guesses) == {401, 429}
    assert set(made_up) == {401}


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


async def test_the_token_of_a_deleted_user_opens_nothing_to_the_next_of_the_same_name(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient
) -> None:
    user = {"username": secrets.token_hex(6), "password": "a good password", "role": "viewer"}
    assert (await admin.post("/users", json=user)).status_code == 201
    log_in = {"username": user["username"], "password": user["password"]}
    token = (await nobody.post("/api/v1/auth/token", data=log_in)).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert (await nobody.get("/api/v1/commands", headers=headers)).status_code == 200
    assert (await admin.delete(f"/users/{user['username']}")).status_code == 204
    assert (await admin.post("/users", json=user)).status_code == 201
    is_problem(await nobody.get("/api/v1/commands", headers=headers), 401, "unauthenticated")


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
    ("POST", "/transactions/bulk/close"),
    ("POST", "/quarantine/bulk/reconcile"),
    ("POST", "/quarantine/bulk/dismiss"),
    ("POST", "/parked/bulk/replay"),
    ("POST", "/parked/bulk/delete"),
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
