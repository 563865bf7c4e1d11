"""Methods that a path has not."""

import httpx
import pytest
from command_api_fakes import is_problem

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/stations", {"GET", "POST"}),
        ("/api/v1/stations/ESC%2F1%20x", {"GET", "PATCH", "DELETE"}),
        ("/api/v1/stations/S/local-list", {"GET", "PUT", "DELETE"}),
        ("/api/v1/stations/S/commands/Reset", {"POST"}),
        ("/api/v1/configuration-templates/x", {"GET", "PUT", "DELETE"}),
        ("/api/v1/auth/token", {"POST"}),
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
