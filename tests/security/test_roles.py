"""Every route of the documentation, tried by everybody who may not use it."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.plain_http import NO_AUTHORITIES

# What an operator may do beside reading; everything else that changes something is an
# administrator's.
OPERATORS = {
    ("post", "/api/v1/command-groups"),
    ("post", "/api/v1/command-groups/{command_group_id}/cancel"),
    ("post", "/api/v1/id-tokens/{id_token}/block"),
    ("post", "/api/v1/id-tokens/{id_token}/activate"),
    ("post", "/api/v1/reservations"),
    ("post", "/api/v1/reservations/{reservation_id}/cancel"),
    ("post", "/api/v1/stations/{station_id}/firmware-jobs"),
    ("post", "/api/v1/stations/{station_id}/diagnostics-jobs"),
    ("post", "/api/v1/stations/{station_id}/log-jobs"),
    ("post", "/api/v1/firmware-rollouts"),
    ("post", "/api/v1/firmware-rollouts/{rollout_id}/pause"),
    ("post", "/api/v1/firmware-rollouts/{rollout_id}/resume"),
    ("post", "/api/v1/firmware-rollouts/{rollout_id}/cancel"),
    ("post", "/api/v1/stations/{station_id}/local-list/sync"),
    ("post", "/api/v1/stations/{station_id}/configuration/refresh"),
    ("post", "/api/v1/configuration-templates/{template_id}/apply"),
    ("post", "/api/v1/events/replays"),
    ("post", "/api/v1/events/replays/{replay_id}/stop"),
    ("post", "/api/v1/tariffs/{tariff_id}/simulate"),
    ("post", "/api/v1/transactions/{transaction_id}/settle"),
    ("post", "/api/v1/reservations/{reservation_id}/settle"),
    ("post", "/api/v1/bills/{bill_id}/release"),
}
# What everybody may do for themselves.
VIEWERS = {("post", "/api/v1/auth/logout"), ("put", "/api/v1/users/me/password")}
# What a station logs may tell more than a viewer may know.
OPERATORS_READING = {"/api/v1/jobs/{job_id}/uploads/{upload_id}"}
ADMINISTRATORS_READING = {
    "/api/v1/users",
    "/api/v1/users/{username}",
    "/api/v1/users/{username}/sessions",
    "/api/v1/api-keys",
    "/api/v1/audit",
    "/api/v1/tenants",
    "/api/v1/tenants/{tenant_id}",
}
OPEN = {("post", "/api/v1/auth/token"), ("post", "/api/v1/auth/session")}


@pytest.fixture
async def routes(run: RunState) -> list[tuple[str, str]]:
    """Method and path of every documented operation under /api/v1."""
    async with httpx.AsyncClient(trust_env=False, verify=NO_AUTHORITIES, timeout=60) as client:
        document = (await client.get(f"{run.rest_url}/openapi.json")).json()
    found = [
        (method, path)
        for path, operations in document["paths"].items()
        for method in operations
        if path.startswith("/api/v1") and (method, path) not in OPEN
    ]
    assert len(found) > 40
    return found


@pytest.fixture
async def keys(operator: Operator) -> AsyncIterator[dict[str, str]]:
    """An API key for each role."""
    made: dict[str, Any] = {}
    for role in ("viewer", "operator", "admin"):
        response = await operator.http.post(
            "/api-keys", json={"name": f"{role}-{secrets.token_hex(4)}", "role": role}
        )
        assert response.status_code == 201
        made[role] = response.json()
    yield {role: key["key"] for role, key in made.items()}
    for key in made.values():
        await operator.http.delete(f"/api-keys/{key['id']}")


def _path(template: str) -> str:
    return "/".join("1" if part.startswith("{") else part for part in template.split("/"))


def _is_an_operators(method: str, path: str) -> bool:
    return (method, path) in OPERATORS | VIEWERS or (method == "post" and "/commands/" in path)


async def _status(run: RunState, method: str, path: str, headers: dict[str, str]) -> int:
    async with (
        httpx.AsyncClient(trust_env=False, verify=NO_AUTHORITIES, timeout=30) as client,
        client.stream(method, run.rest_url + _path(path), headers=headers) as response,
    ):
        return response.status_code


async def test_nobody_gets_anything_without_credentials(
    run: RunState, routes: list[tuple[str, str]]
) -> None:
    for method, path in routes:
        assert await _status(run, method, path, {}) == 401, (method, path)


async def test_a_viewer_reads_and_does_nothing_else(
    run: RunState, routes: list[tuple[str, str]], keys: dict[str, str]
) -> None:
    headers = {"X-API-Key": keys["viewer"]}
    for method, path in routes:
        status = await _status(run, method, path, headers)
        reads = method == "get" and path not in ADMINISTRATORS_READING | OPERATORS_READING
        may = reads or (method, path) in VIEWERS
        assert (status != 403) == may, (method, path, status)


async def test_an_operator_commands_and_blocks_and_administers_nothing(
    run: RunState, routes: list[tuple[str, str]], keys: dict[str, str]
) -> None:
    headers = {"X-API-Key": keys["operator"]}
    for method, path in routes:
        status = await _status(run, method, path, headers)
        may = (method == "get" and path not in ADMINISTRATORS_READING) or _is_an_operators(
            method, path
        )
        assert (status != 403) == may, (method, path, status)


async def test_a_deleted_key_and_a_changed_role_end_at_once(
    run: RunState, operator: Operator
) -> None:
    name = f"user-{secrets.token_hex(4)}"
    await operator.http.post(
        "/users", json={"username": name, "password": "a good password", "role": "admin"}
    )
    async with Operator(run.rest_url, name, "a good password") as other:
        assert (await other.http.get("/users")).status_code == 200
        await operator.http.patch(f"/users/{name}", json={"role": "viewer"})
        assert (await other.http.get("/users")).status_code in (401, 403)
    key = (
        await operator.http.post("/api-keys", json={"name": f"key of {name}", "role": "admin"})
    ).json()
    headers = {"X-API-Key": key["key"]}
    assert await _status(run, "get", "/api/v1/users", headers) == 200
    await operator.http.delete(f"/api-keys/{key['id']}")
    assert await _status(run, "get", "/api/v1/users", headers) == 401


async def test_every_operation_of_the_document_says_which_role_it_needs(run: RunState) -> None:
    async with httpx.AsyncClient(trust_env=False, verify=NO_AUTHORITIES, timeout=60) as client:
        document = (await client.get(f"{run.rest_url}/openapi.json")).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            says = "Needs the role " in operation["description"]
            assert says != ((method, path) in OPEN), (method, path)
            assert says != (operation.get("security") == []), (method, path)


async def test_methods_and_paths_that_are_not_documented_are_no_way_in(
    run: RunState, keys: dict[str, str]
) -> None:
    headers = {"X-API-Key": keys["viewer"]}
    for method, path in (
        ("post", "/api/v1/stations/x/commands/Reset/"),
        ("post", "/api/v1/stations/x/commands//Reset"),
        ("post", "//api/v1/stations/x/commands/Reset"),
        ("post", "/api/v1/stations/x%2Fcommands/Reset"),
        ("post", "/api/v1/./users"),
        ("get", "/api/v1/users/"),
        ("head", "/api/v1/users"),
        ("trace", "/api/v1/users"),
        ("options", "/api/v1/users"),
        ("post", "/API/V1/users"),
    ):
        assert await _status(run, method, path, headers) in (403, 404, 405), (method, path)
