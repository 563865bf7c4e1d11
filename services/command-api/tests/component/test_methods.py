"""HEAD, which is GET without the body, and methods that a path has not."""

import httpx
import pytest
from command_api_fakes import is_problem

from command_api.live_events.handlers.hub import MAX_STREAMS

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/stations", {"GET", "HEAD", "POST"}),
        ("/api/v1/stations/ESC%2F1%20x", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("/api/v1/stations/S/local-list", {"GET", "HEAD", "PUT", "DELETE"}),
        ("/api/v1/stations/S/commands/Reset", {"POST"}),
        ("/api/v1/configuration-templates/x", {"GET", "HEAD", "PUT", "DELETE"}),
        ("/api/v1/auth/token", {"POST"}),
        ("/console/stations/S", {"GET", "HEAD"}),
        ("/uploads/token/name", {"PUT", "POST"}),
        ("/healthz", {"GET", "HEAD"}),
    ],
)
async def test_a_method_that_a_path_has_not_is_405_with_all_that_it_has(
    nobody: httpx.AsyncClient, path: str, allowed: set[str]
) -> None:
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - allowed:
        answer = await nobody.request(method, path)
        if method == "HEAD":
            assert answer.status_code == 405
        else:
            is_problem(answer, 405, "method_not_allowed")
        assert set(answer.headers["allow"].split(", ")) == allowed


async def test_a_path_that_is_not_there_is_404_with_any_method(nobody: httpx.AsyncClient) -> None:
    for path in ("/api/v1/stations/", "/api/v1/stations//refusals", "/api/v1", "/api/v2/stations"):
        for method in ("GET", "POST", "OPTIONS"):
            is_problem(await nobody.request(method, path), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "status"),
    [("/users", 200), ("/users?limit=0", 422), ("/commands/no-id", 404), ("/nothing", 404)],
)
async def test_head_answers_as_get_does_without_the_body(
    admin: httpx.AsyncClient, path: str, status: int
) -> None:
    same = {"X-Request-ID": "same"}
    get, head = await admin.get(path, headers=same), await admin.head(path, headers=same)
    assert (get.status_code, head.status_code, head.content) == (status, status, b"")
    assert {**head.headers, "date": ""} == {**get.headers, "date": ""}


async def test_head_needs_what_get_needs(nobody: httpx.AsyncClient) -> None:
    answer = await nobody.head("/api/v1/users")
    assert (answer.status_code, answer.content) == (401, b"")
    assert "www-authenticate" in answer.headers


async def test_head_of_a_stream_opens_none(admin: httpx.AsyncClient) -> None:
    for _ in range(MAX_STREAMS + 5):
        answer = await admin.head("/events", timeout=10)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"].startswith("text/event-stream")
    # The connection is of use for what is asked next.
    assert (await admin.get("/users")).status_code == 200
