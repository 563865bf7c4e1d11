"""Log-in with a cookie: who asks with it, from which pages, and how it ends."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from http.cookies import Morsel, SimpleCookie

import httpx
import pytest
import pytest_asyncio
from command_api_fakes import Stations, api_key, is_problem

from command_api.http.routes import events

pytestmark = pytest.mark.asyncio(loop_scope="package")

PASSWORD = "a good password"
OURS = {"X-Requested-With": "console"}
# conftest.py names the first as the only trusted proxy.
PROXY, STRANGER = "127.0.0.2", "127.0.0.3"
Headers = dict[str, str]


@pytest_asyncio.fixture(loop_scope="package")
async def username(admin: httpx.AsyncClient) -> AsyncIterator[str]:
    """An operator's name."""
    name = f"user-{secrets.token_hex(4)}"
    user = {"username": name, "password": PASSWORD, "role": "operator"}
    assert (await admin.post("/users", json=user)).status_code == 201
    yield name
    await admin.delete(f"/users/{name}")


@pytest_asyncio.fixture(loop_scope="package")
async def client(rest_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials, under the routes' prefix."""
    async with httpx.AsyncClient(base_url=f"{rest_url}/api/v1", trust_env=False) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="package")
async def browser(client: httpx.AsyncClient, username: str) -> httpx.AsyncClient:
    """A client that keeps the cookie of the operator's session."""
    assert (await log_in(client, username)).status_code == 200
    return client


async def log_in(
    client: httpx.AsyncClient,
    username: str,
    password: str = PASSWORD,
    headers: Headers | None = None,
) -> httpx.Response:
    body = {"username": username, "password": password}
    return await client.post("/auth/session", json=body, headers=headers)


def cookie_of(answer: httpx.Response) -> Morsel[str]:
    cookie = SimpleCookie(answer.headers["set-cookie"])
    assert list(cookie) == ["csms_session"]
    return cookie["csms_session"]


async def test_who_logs_in_is_recognised_by_the_cookie_and_told_who_that_is(
    client: httpx.AsyncClient, username: str
) -> None:
    before = datetime.now(UTC)
    answer = await log_in(client, username)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    expires_at = datetime.fromisoformat(told.pop("expires_at"))
    assert told == {
        "username": username,
        "role": "operator",
        "tenant_id": "default",
        "is_platform": False,
    }
    cookie = cookie_of(answer)
    assert (cookie["path"], cookie["samesite"], cookie["domain"]) == ("/", "strict", "")
    assert cookie["httponly"] is True
    assert not cookie["secure"]
    lasts = timedelta(seconds=int(cookie["max-age"]))
    assert abs(before + lasts - expires_at) < timedelta(minutes=5)
    assert (await client.get("/users/me")).json()["username"] == username
    (session,) = (await client.get(f"/users/{username}/sessions")).json()["items"]
    assert session["current"] is True


async def test_wrong_credentials_are_answered_as_at_the_other_log_in(
    client: httpx.AsyncClient, username: str
) -> None:
    wrong = await log_in(client, username, "a guess")
    form = {"username": username, "password": "a guess"}
    other = await client.post("/auth/token", data=form)
    is_problem(wrong, 401, "wrong_credentials")
    assert wrong.json() == other.json()
    assert wrong.headers["www-authenticate"] == other.headers["www-authenticate"]
    assert "set-cookie" not in wrong.headers
    for _ in range(8):
        await log_in(client, username, "a guess")
    # Of both ways together.
    limited = await log_in(client, username)
    is_problem(limited, 429, "too_many_failures")
    assert int(limited.headers["retry-after"]) > 0
    is_problem(
        await client.post("/auth/token", data={**form, "password": PASSWORD}),
        429,
        "too_many_failures",
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "", "password": PASSWORD}, "username"),
        ({"username": "somebody", "password": ""}, "password"),
        ({"username": "somebody"}, "password"),
        ({"username": "some\0body", "password": PASSWORD}, "username"),
        ({"username": "somebody", "password": PASSWORD, "role": "admin"}, "role"),
    ],
)
async def test_a_log_in_that_is_not_valid_has_its_field_named(
    client: httpx.AsyncClient, body: dict[str, str], field: str
) -> None:
    problem = is_problem(await client.post("/auth/session", json=body), 422, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_a_form_of_another_page_logs_nobody_in(
    client: httpx.AsyncClient, username: str
) -> None:
    body = f'{{"username": "{username}", "password": "{PASSWORD}"}}'
    as_text = {"Content-Type": "text/plain"}
    answer = await client.post("/auth/session", content=body, headers=as_text)
    is_problem(answer, 415, "unsupported_media_type")
    for site in ("cross-site", "same-site"):
        answer = await log_in(client, username, headers={"Sec-Fetch-Site": site})
        is_problem(answer, 403, "csrf")
        assert "set-cookie" not in answer.headers
    for site in ("same-origin", "none"):
        answer = await log_in(client, username, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, False),
        ({"X-Requested-With": ""}, False),
        (OURS, True),
        ({**OURS, "Sec-Fetch-Site": "same-origin"}, True),
        ({**OURS, "Sec-Fetch-Site": "none"}, True),
        ({**OURS, "Sec-Fetch-Site": "same-site"}, False),
        ({**OURS, "Sec-Fetch-Site": "cross-site"}, False),
        ({**OURS, "Sec-Fetch-Site": "something new"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, False),
    ],
)
async def test_what_changes_something_must_come_from_a_page_of_our_own(
    browser: httpx.AsyncClient, stations: Stations, headers: Headers, *, passes: bool
) -> None:
    station_id = stations.online()
    # Two ways through the code: a plain route, and one of the framework's.
    command = await browser.post(
        f"/stations/{station_id}/commands/ClearCache", json={}, headers=headers
    )
    unknown = await browser.post("/commands/unknown/cancel", headers=headers)
    if passes:
        assert command.status_code == 200, command.text
        is_problem(unknown, 404, "not_found")
    else:
        is_problem(command, 403, "csrf")
        is_problem(unknown, 403, "csrf")
    assert len(stations.gateway.commands_to(station_id)) == (1 if passes else 0)


async def test_reading_needs_the_cookie_alone(browser: httpx.AsyncClient) -> None:
    for method in ("GET", "HEAD"):
        answer = await browser.request(method, "/commands", headers={"Sec-Fetch-Site": "same-site"})
        assert answer.status_code == 200


async def test_no_page_is_asked_for_beside_another_valid_credential(
    admin: httpx.AsyncClient, browser: httpx.AsyncClient, username: str
) -> None:
    path = "/commands/unknown/cancel"
    token = await browser.post("/auth/token", data={"username": username, "password": PASSWORD})
    bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}
    for headers in (bearer, await api_key(admin, "operator")):
        is_problem(await browser.post(path, headers=headers), 404, "not_found")
    for headers in ({"Authorization": "Bearer nonsense"}, {"X-API-Key": "csms_nonsense"}):
        # What counts is the cookie.
        is_problem(await browser.post(path, headers=headers), 403, "csrf")
        is_problem(await browser.post(path, headers={**headers, **OURS}), 404, "not_found")


async def test_the_cookie_says_who_asks_where_nothing_else_does(
    admin: httpx.AsyncClient, browser: httpx.AsyncClient, username: str
) -> None:
    assert (await browser.get("/users/me")).json()["username"] == username
    key = await api_key(admin, "viewer")
    is_problem(await browser.get("/users/me", headers=key), 404, "no_user")


async def test_a_cookie_that_is_none_of_ours_recognises_nobody(client: httpx.AsyncClient) -> None:
    for cookie in ("csms_session=nonsense", "csms_session=", "csms_session", "session=x", ";=;"):
        answer = await client.get("/users/me", headers={"Cookie": cookie})
        is_problem(answer, 401, "unauthenticated")


async def test_log_out_ends_the_session_and_clears_the_cookie(
    browser: httpx.AsyncClient, rest_url: str
) -> None:
    held = browser.cookies["csms_session"]
    is_problem(await browser.post("/auth/logout"), 403, "csrf")
    assert (await browser.get("/users/me")).status_code == 200
    answer = await browser.post("/auth/logout", headers=OURS)
    assert answer.status_code == 204
    cleared = cookie_of(answer)
    assert (cleared.value, cleared["max-age"], cleared["path"]) == ("", "0", "/")
    assert "csms_session" not in browser.cookies
    # It is over, not just forgotten; and is forgotten where it is over.
    async with httpx.AsyncClient(base_url=f"{rest_url}/api/v1", trust_env=False) as other:
        headers = {"Cookie": f"csms_session={held}", **OURS}
        is_problem(await other.get("/users/me", headers=headers), 401, "unauthenticated")
        again = await other.post("/auth/logout", headers=headers)
        is_problem(again, 401, "unauthenticated")
        assert cookie_of(again)["max-age"] == "0"
        assert "set-cookie" not in (await other.post("/auth/logout")).headers


async def test_log_out_of_a_token_leaves_the_cookie_beside_it_alone(
    browser: httpx.AsyncClient, username: str
) -> None:
    token = await browser.post("/auth/token", data={"username": username, "password": PASSWORD})
    bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}
    answer = await browser.post("/auth/logout", headers=bearer)
    assert (answer.status_code, "set-cookie" in answer.headers) == (204, False)
    assert (await browser.get("/users/me")).json()["username"] == username


async def test_a_stream_opened_with_the_cookie_ends_with_its_session(
    browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "KEEP_ALIVE_S", 0.2)
    async with asyncio.timeout(60), browser.stream("GET", "/events") as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == ": open"
        assert (await browser.post("/auth/logout", headers=OURS)).status_code == 204
        assert ": not authorized any more" in [line async for line in lines]


@pytest.mark.parametrize(
    ("peer", "forwarded", "secure"),
    [
        (PROXY, ["https"], True),
        (PROXY, ["HTTPS, http"], True),
        (PROXY, ["https", "http"], True),
        (PROXY, ["http"], False),
        (PROXY, ["http, https"], False),
        (PROXY, [], False),
        (STRANGER, ["https"], False),
    ],
)
async def test_the_cookie_is_for_https_alone_where_a_trusted_proxy_has_been_asked_so(
    rest_url: str, username: str, peer: str, forwarded: list[str], *, secure: bool
) -> None:
    transport = httpx.AsyncHTTPTransport(local_address=peer)
    async with httpx.AsyncClient(base_url=f"{rest_url}/api/v1", transport=transport) as made:
        answer = await made.post(
            "/auth/session",
            json={"username": username, "password": PASSWORD},
            headers=[("X-Forwarded-Proto", one) for one in forwarded],
        )
    assert answer.status_code == 200
    assert bool(cookie_of(answer)["secure"]) is secure
