"""Log-out, sessions of users and their own accounts."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import asyncpg
import httpx
import jwt
import pytest
import pytest_asyncio
from command_api_fakes import TOKEN_SECRET, api_key, eventually, is_problem
from sqlalchemy.event import listen

from command_api.accounts.domain.login_limits import LoginLimits
from command_api.accounts.handlers import logins
from command_api.accounts.handlers.logins import Logins
from command_api.accounts.handlers.passwords import Passwords
from command_api.accounts.store import sessions
from command_api.amqp.replicas import Replicas
from command_api.database import SCHEMA
from command_api.database.upkeep import purges
from command_api.http.routes import events
from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import COMMAND_API, replica_queue
from csms_shared.contracts.message_types import MessageType
from csms_shared.db.engine import create_engine, in_transaction
from csms_shared.runtime.clock import monotonic

pytestmark = pytest.mark.asyncio(loop_scope="package")

PASSWORD = "a good password"
Headers = dict[str, str]
Value = TypeVar("Value")


@pytest_asyncio.fixture(loop_scope="package")
async def username(admin: httpx.AsyncClient) -> AsyncIterator[str]:
    """A viewer's name."""
    name = f"user-{secrets.token_hex(4)}"
    user = {"username": name, "password": PASSWORD, "role": "viewer"}
    assert (await admin.post("/users", json=user)).status_code == 201
    yield name
    await admin.delete(f"/users/{name}")


@pytest_asyncio.fixture(loop_scope="package")
async def client(rest_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials, under the routes' prefix."""
    async with httpx.AsyncClient(base_url=f"{rest_url}/api/v1", trust_env=False) as made:
        yield made


async def log_in(
    client: httpx.AsyncClient, username: str, password: str = PASSWORD, agent: str = "a browser"
) -> Headers:
    answer = await client.post(
        "/auth/token",
        data={"username": username, "password": password},
        headers={"User-Agent": agent},
    )
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def status(client: httpx.AsyncClient, headers: Headers) -> int:
    return (await client.get("/users/me", headers=headers)).status_code


async def as_awaited(value: Value) -> Value:
    return value


async def sessions_of(
    client: httpx.AsyncClient, username: str, headers: Headers
) -> list[dict[str, Any]]:
    answer = await client.get(f"/users/{username}/sessions", headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_who_logs_out_is_out_with_the_next_request_and_nobody_else(
    client: httpx.AsyncClient, username: str
) -> None:
    first, second = await log_in(client, username), await log_in(client, username)
    assert (await client.get("/users/me", headers=first)).json()["username"] == username
    assert (await client.post("/auth/logout", headers=first)).status_code == 204
    is_problem(await client.get("/users/me", headers=first), 401, "unauthenticated")
    is_problem(await client.post("/auth/logout", headers=first), 401, "unauthenticated")
    assert await status(client, second) == 200


async def test_requests_under_way_with_a_token_bring_no_ended_session_back(
    client: httpx.AsyncClient, username: str
) -> None:
    headers = await log_in(client, username)
    for _ in range(5):
        headers = await log_in(client, username)
        answers = await asyncio.gather(
            *(status(client, headers) for _ in range(10)),
            client.post("/auth/logout", headers=headers),
            *(status(client, headers) for _ in range(10)),
        )
        assert {answer for answer in answers if isinstance(answer, int)} <= {200, 401}
        assert await status(client, headers) == 401


async def test_an_api_key_is_no_user_and_has_no_session(
    admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    key = await api_key(admin, "viewer")
    passwords = {"current_password": PASSWORD, "new_password": PASSWORD}
    is_problem(await client.post("/auth/logout", headers=key), 404, "no_user")
    is_problem(await client.get("/users/me", headers=key), 404, "no_user")
    changed = await client.put("/users/me/password", json=passwords, headers=key)
    is_problem(changed, 404, "no_user")


async def test_sessions_are_listed_with_where_from_and_by_what_newest_first(
    admin: httpx.AsyncClient, client: httpx.AsyncClient, username: str
) -> None:
    first = await log_in(client, username, agent="a" * 300)
    second = await log_in(client, username, agent="second")
    found = await sessions_of(client, username, first)
    assert [one["current"] for one in found] == [False, True]
    assert [one["user_agent"] for one in found] == ["second", "a" * 255]
    assert {one["address"] for one in found} == {"127.0.0.1"}
    assert found[0]["created_at"] <= found[0]["last_seen_at"] < found[0]["expires_at"]
    page = (await client.get(f"/users/{username}/sessions?limit=1", headers=second)).json()
    assert [one["session_id"] for one in page["items"]] == [found[0]["session_id"]]
    query = {"cursor": page["next_cursor"]}
    rest = (await admin.get(f"/users/{username}/sessions", params=query)).json()
    assert [one["session_id"] for one in rest["items"]] == [found[1]["session_id"]]
    assert rest["next_cursor"] is None
    for cursor in ("x", "W10", "WyJ4IiwieSJd"):
        answer = await admin.get(f"/users/{username}/sessions", params={"cursor": cursor})
        is_problem(answer, 422, "bad_cursor")
    is_problem(await admin.get("/users/nobody-at-all/sessions"), 404, "not_found")


async def test_a_session_shows_where_its_token_was_used_last(
    rest_url: str, client: httpx.AsyncClient, username: str
) -> None:
    headers = await log_in(client, username)
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.3")
    async with httpx.AsyncClient(base_url=f"{rest_url}/api/v1", transport=elsewhere) as other:
        (session,) = await sessions_of(other, username, headers)
    assert session["address"] == "127.0.0.3"


async def test_a_session_is_ended_by_its_id_by_its_user_or_by_an_administrator(
    admin: httpx.AsyncClient, client: httpx.AsyncClient, username: str
) -> None:
    mine, lost, third = [await log_in(client, username) for _ in range(3)]
    third_id, lost_id, _ = [one["session_id"] for one in await sessions_of(client, username, mine)]
    path = f"/users/{username}/sessions/"
    assert (await client.delete(path + lost_id, headers=mine)).status_code == 204
    assert (await admin.delete(path + third_id)).status_code == 204
    assert [await status(client, one) for one in (mine, lost, third)] == [200, 401, 401]
    for gone in (lost_id, "nonsense", "00000000-0000-0000-0000-000000000000"):
        is_problem(await client.delete(path + gone, headers=mine), 404, "not_found")


async def test_all_sessions_of_a_user_end_at_once(
    admin: httpx.AsyncClient, client: httpx.AsyncClient, username: str
) -> None:
    held = [await log_in(client, username) for _ in range(3)]
    assert (await admin.delete(f"/users/{username}/sessions")).status_code == 204
    assert [await status(client, one) for one in held] == [401, 401, 401]
    assert (await admin.get(f"/users/{username}/sessions")).json()["items"] == []
    assert await status(client, await log_in(client, username)) == 200
    is_problem(await admin.delete("/users/nobody-at-all/sessions"), 404, "not_found")


async def test_nobody_sees_or_ends_the_sessions_of_another_user(
    admin: httpx.AsyncClient, client: httpx.AsyncClient, username: str
) -> None:
    headers = await log_in(client, username)
    session = (await admin.get("/users/admin/sessions")).json()["items"][0]["session_id"]
    path = "/users/admin/sessions"
    is_problem(await client.get(path, headers=headers), 403, "forbidden")
    is_problem(await client.delete(path, headers=headers), 403, "forbidden")
    is_problem(await client.delete(f"{path}/{session}", headers=headers), 403, "forbidden")
    # Under one's own name another's session is not there.
    own = f"/users/{username}/sessions/{session}"
    is_problem(await client.delete(own, headers=headers), 404, "not_found")
    assert (await admin.get("/users/me")).json()["username"] == "admin"


async def test_a_new_password_of_ones_own_needs_the_present_one_and_ends_other_sessions(
    client: httpx.AsyncClient, username: str
) -> None:
    mine, other = await log_in(client, username), await log_in(client, username)
    path, new = "/users/me/password", "another password"

    async def change(current: str, wanted: str) -> httpx.Response:
        passwords = {"current_password": current, "new_password": wanted}
        return await client.put(path, json=passwords, headers=mine)

    problem = is_problem(await change("a guess", new), 422, "wrong_password")
    assert [error["field"] for error in problem["errors"]] == ["current_password"]
    is_problem(await change(PASSWORD, "short"), 422, "validation_failed")
    assert await status(client, other) == 200
    assert (await change(PASSWORD, new)).status_code == 204
    assert [await status(client, one) for one in (mine, other)] == [200, 401]
    assert len(await sessions_of(client, username, mine)) == 1
    assert await status(client, await log_in(client, username, new)) == 200


async def test_guesses_at_the_present_password_wait_as_guesses_at_log_in_do(
    client: httpx.AsyncClient, username: str
) -> None:
    headers = await log_in(client, username)
    guess = {"current_password": "a guess", "new_password": PASSWORD}
    answers = [
        (await client.put("/users/me/password", json=guess, headers=headers)).status_code
        for _ in range(11)
    ]
    assert answers == [422] * 10 + [429]
    form = {"username": username, "password": PASSWORD}
    limited = await client.post("/auth/token", data=form)
    is_problem(limited, 429, "too_many_failures")
    assert int(limited.headers["retry-after"]) > 0


async def test_me_is_no_name_in_a_path(admin: httpx.AsyncClient) -> None:
    for method in ("PATCH", "DELETE"):
        answer = await admin.request(method, "/users/me", json={"role": "viewer"})
        is_problem(answer, 405, "method_not_allowed")
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
    is_problem(await admin.get("/users/me/sessions"), 404, "not_found")
    is_problem(await admin.get("/users/mexico"), 404, "not_found")


async def test_nobody_is_called_me(admin: httpx.AsyncClient) -> None:
    user = {"username": "me", "password": PASSWORD, "role": "viewer"}
    problem = is_problem(await admin.post("/users", json=user), 422, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == ["username"]


async def test_another_replica_reads_a_session_in_one_statement_and_forgets_it_in_time(
    client: httpx.AsyncClient, username: str, service_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await log_in(client, username)
    token = headers["Authorization"].removeprefix("Bearer ")
    engine = create_engine(service_url, SCHEMA, name="test", pool_size=1)

    async def tell_nobody() -> None: ...

    other = Logins(engine, Passwords(), TOKEN_SECRET, LoginLimits(10, 300), tell_nobody)
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    await other.by_token(token, "127.0.0.1", from_memory=False)
    listen(engine.sync_engine, "before_cursor_execute", note)
    assert await other.by_token(token, "127.0.0.1", from_memory=False) is not None
    assert len(statements) == 1
    assert await other.by_token(token, "127.0.0.1") is not None
    assert len(statements) == 1
    assert (await client.post("/auth/logout", headers=headers)).status_code == 204
    # A stream there does not go by memory, and a request only for so long.
    assert await other.by_token(token, "127.0.0.1", from_memory=False) is None
    now = monotonic()
    monkeypatch.setattr(logins, "monotonic", lambda: now + logins._REMEMBER_S)
    assert await other.by_token(token, "127.0.0.1") is None
    await engine.dispose()


async def test_every_replica_gets_word_of_a_session_that_ended(
    client: httpx.AsyncClient, username: str, broker_url: str
) -> None:
    taken: list[str | None] = []

    async def take(deliveries: list[Delivery]) -> None:
        taken.extend(delivery.type for delivery in deliveries)

    headers = await log_in(client, username)
    async with Link(broker_url, "test") as link:
        name = f"another-{secrets.token_hex(4)}"
        consumer = Consumer(link, replica_queue(COMMAND_API, name), take, prefetch=10)
        reading = asyncio.create_task(consumer.run())
        await eventually(lambda: as_awaited(consumer.consuming), bool)
        assert (await client.post("/auth/logout", headers=headers)).status_code == 204
        await eventually(lambda: as_awaited(taken), bool)
        await consumer.stop(2.0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert set(taken) == {MessageType.ACCOUNTS_CHANGED}


async def test_a_replica_that_gets_word_forgets_whom_it_has_recognised(
    client: httpx.AsyncClient,
    username: str,
    broker_url: str,
    database: asyncpg.Pool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logins, "_REMEMBER_S", 3600.0)
    headers = await log_in(client, username)
    assert await status(client, headers) == 200
    await database.execute("DELETE FROM user_session WHERE username = $1", username)
    assert await status(client, headers) == 200
    async with Link(broker_url, "test") as link:
        await Replicas(Publisher(link)).accounts_changed()
    await eventually(lambda: status(client, headers), lambda found: found == 401)


async def test_a_token_of_the_release_before_counts_until_it_is_logged_out(
    client: httpx.AsyncClient, username: str, database: asyncpg.Pool
) -> None:
    user = await database.fetchrow("SELECT * FROM users WHERE username = $1", username)
    assert user is not None
    now_s = int(time.time())
    claims = {
        "iss": "csms",
        "sub": username,
        "ver": user["version"],
        "tid": str(user["token_id"]),
        "iat": now_s,
        "exp": now_s + 600,
    }
    headers = {"Authorization": f"Bearer {jwt.encode(claims, TOKEN_SECRET, algorithm='HS256')}"}
    assert await status(client, headers) == 200
    assert (await client.post("/auth/logout", headers=headers)).status_code == 204
    assert await status(client, headers) == 401


async def test_a_stream_ends_at_the_keep_alive_after_its_session(
    client: httpx.AsyncClient, username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "KEEP_ALIVE_S", 0.2)
    headers = await log_in(client, username)
    async with asyncio.timeout(20), client.stream("GET", "/events", headers=headers) as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == ": open"
        assert (await client.post("/auth/logout", headers=headers)).status_code == 204
        assert ": not authorized any more" in [line async for line in lines]


async def test_no_more_sessions_of_a_user_count_than_the_bound(
    client: httpx.AsyncClient, username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_OF_USER", 2)
    held = [await log_in(client, username) for _ in range(3)]
    assert [await status(client, one) for one in held] == [401, 200, 200]


async def test_sessions_that_ran_out_count_no_more_and_are_purged(
    client: httpx.AsyncClient, username: str, service_url: str, database: asyncpg.Pool
) -> None:
    headers = await log_in(client, username)
    other = await log_in(client, username)
    await database.execute(
        "UPDATE user_session SET expires_at = now() - interval '1 s' WHERE id = "
        "(SELECT id FROM user_session WHERE username = $1 ORDER BY created_at LIMIT 1)",
        username,
    )
    assert [await status(client, one) for one in (headers, other)] == [401, 200]
    assert len(await sessions_of(client, username, other)) == 1
    engine = create_engine(service_url, SCHEMA, name="test", pool_size=1)
    tasks = {task.name: task for task in purges(command_days=400, audit_days=400)}
    while await in_transaction(engine, tasks["purge_user_sessions"].work):
        pass
    await engine.dispose()
    left = "SELECT count(*) FROM user_session WHERE username = $1"
    assert await database.fetchval(left, username) == 1
