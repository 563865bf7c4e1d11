"""Log-out and the audit, as somebody meets them who holds a token that was stolen or ended."""

import secrets
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.plain_http import NO_AUTHORITIES

PASSWORD = "a good password"


@pytest.fixture
async def username(operator: Operator) -> AsyncIterator[str]:
    """A user who may send commands."""
    name = f"user-{secrets.token_hex(4)}"
    made = await operator.http.post(
        "/users", json={"username": name, "password": PASSWORD, "role": "operator"}
    )
    assert made.status_code == 201
    yield name
    await operator.http.delete(f"/users/{name}")


async def _statuses(run: RunState, headers: dict[str, str]) -> set[int]:
    """Everything that a token could be used for still: to read, to command, to log out, to live."""
    async with httpx.AsyncClient(
        base_url=f"{run.rest_url}/api/v1", trust_env=False, verify=NO_AUTHORITIES
    ) as client:
        return {
            (await client.request(method, path, headers=headers, json={})).status_code
            for method, path in (
                ("GET", "/users/me"),
                ("GET", "/stations"),
                ("GET", "/events"),
                ("POST", "/stations/none/commands/ClearCache"),
                ("PUT", "/users/me/password"),
                ("POST", "/auth/logout"),
            )
        }


async def test_a_token_opens_nothing_once_its_session_has_ended(
    run: RunState, operator: Operator, username: str
) -> None:
    for end in ("log-out", "by an administrator", "all at once"):
        async with Operator(run.rest_url, username, PASSWORD) as user:
            headers = {"Authorization": user.authorization}
            listed = (await user.http.get(f"/users/{username}/sessions")).json()["items"]
            (current,) = [one["session_id"] for one in listed if one["current"]]
            path = f"/users/{username}/sessions"
            if end == "log-out":
                ended = await user.http.post("/auth/logout")
            elif end == "by an administrator":
                ended = await operator.http.delete(f"{path}/{current}")
            else:
                ended = await operator.http.delete(path)
            assert ended.status_code == 204, end
        assert await _statuses(run, headers) == {401}, end


async def test_a_stolen_token_neither_changes_the_password_nor_hides_what_it_did(
    run: RunState, operator: Operator, username: str
) -> None:
    async with Operator(run.rest_url, username, PASSWORD) as thief:
        guess = {"current_password": "a guess", "new_password": "the thief's own"}
        refused = await thief.http.put("/users/me/password", json=guess)
        assert refused.status_code == 422
        await thief.http.post("/id-tokens/nobody-has-this/block")
    query = {"actor": username}
    told = (await operator.http.get("/audit", params=query)).json()["items"]
    assert [(one["method"], one["path"]) for one in told] == [
        ("POST", "/api/v1/id-tokens/nobody-has-this/block"),
        ("PUT", "/api/v1/users/me/password"),
    ]
    assert "guess" not in str(told)
    assert told[1]["target"] == username


async def test_the_role_that_serves_rest_can_not_rewrite_the_audit(
    run: RunState, username: str
) -> None:
    owner = await asyncpg.connect(run.database_url)
    try:
        allowed = await owner.fetch(
            "SELECT rolname, relname, privilege FROM pg_roles, "
            "unnest(ARRAY['audit', 'audit_outcome']) AS relname, "
            "unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS privilege "
            "WHERE rolname LIKE 'csms\\_%' AND NOT rolsuper "
            "AND has_table_privilege(rolname, 'command.' || relname, privilege)"
        )
        roles = await owner.fetchval(
            "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'csms\\_%' AND NOT rolsuper"
        )
    finally:
        await owner.close()
    assert roles >= 3
    assert [tuple(row) for row in allowed] == []
