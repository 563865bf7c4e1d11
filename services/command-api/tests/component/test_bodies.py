"""Bodies that can't be read: one code for all of them, which names `body`."""

import secrets

import httpx
import pytest
from command_api_fakes import Stations, is_problem

pytestmark = pytest.mark.asyncio(loop_scope="package")

JSON = {"Content-Type": "application/json"}
UNREADABLE = {
    "no JSON": b"{",
    "blank": b"  ",
    "invalid UTF-8": b'{"username": "\xff"}',
    "UTF-16": '{"username": "a"}'.encode("utf-16"),
    "a lone surrogate": b'{"username": "\\ud800"}',
    "not a number": b'{"username": NaN}',
    "deeper than any parser goes": b"[" * 100_000,
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_a_body_that_is_no_json_text_is_422_and_names_the_body(
    admin: httpx.AsyncClient, stations: Stations, body: bytes
) -> None:
    for method, path in (
        ("POST", "/users"),
        ("PATCH", "/users/admin"),
        ("PUT", "/stations/S/password"),
        ("POST", f"/stations/{stations.online()}/commands/DataTransfer"),
    ):
        if path.endswith("DataTransfer") and not body.strip():
            continue  # a command without a body has an empty payload
        answer = await admin.request(method, path, content=body, headers=JSON)
        problem = is_problem(answer, 422, "validation_failed")
        assert [error["field"] for error in problem["errors"]] == ["body"], path


async def test_a_form_that_is_no_form_lacks_its_fields(nobody: httpx.AsyncClient) -> None:
    for body in (b"\xff\xfe%", b"{}", b"username"):
        answer = await nobody.post(
            "/api/v1/auth/token",
            content=body,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        problem = is_problem(answer, 422, "validation_failed")
        assert {"username", "password"} >= {error["field"] for error in problem["errors"]} > set()


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json"],
)
async def test_a_body_that_says_to_be_something_else_is_415(
    admin: httpx.AsyncClient, stations: Stations, media_type: str
) -> None:
    for path in ("/users", f"/stations/{stations.online()}/commands/ClearCache"):
        answer = await admin.post(path, content=b"{}", headers={"Content-Type": media_type})
        problem = is_problem(answer, 415, "unsupported_media_type")
        assert [error["field"] for error in problem["errors"]] == ["Content-Type"]


async def test_a_log_in_that_is_no_urlencoded_form_is_415(nobody: httpx.AsyncClient) -> None:
    form = {"username": "admin", "password": "wrong"}
    for answer in (
        await nobody.post("/api/v1/auth/token", json=form),
        await nobody.post("/api/v1/auth/token", files={"file": b"x"}, data=form),
    ):
        is_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type",
    [None, "application/json", "Application/JSON; charset=utf-8", "application/x.user+json"],
)
async def test_json_may_say_so_in_every_way_or_not_at_all(
    admin: httpx.AsyncClient, stations: Stations, media_type: str | None
) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    body = b'{"name": "%s", "role": "viewer"}' % secrets.token_hex(6).encode()
    created = await admin.post("/api-keys", content=body, headers=headers)
    assert created.status_code == 201, created.text
    path = f"/stations/{stations.online()}/commands/Reset"
    command = await admin.post(path, content=b'{"type": "Soft"}', headers=headers)
    assert command.json()["payload"] == {"type": "Soft"}


async def test_a_body_that_nobody_reads_disturbs_nothing(admin: httpx.AsyncClient) -> None:
    for method in ("GET", "DELETE"):
        answer = await admin.request(method, "/users/nobody", content=b"\xff", headers=JSON)
        is_problem(answer, 404, "not_found")
