"""Where requests come from, as the audit and the limits have it."""

import secrets

import asyncpg
import httpx
import pytest
from command_api_fakes import api_key

pytestmark = pytest.mark.asyncio(loop_scope="package")

# conftest.py names the first as the only trusted proxy.
PROXY, STRANGER = "127.0.0.2", "127.0.0.3"


def connecting_from(address: str, rest_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"{rest_url}/api/v1",
        transport=httpx.AsyncHTTPTransport(local_address=address),
        timeout=60,
    )


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        (PROXY, "203.0.113.7", "203.0.113.7"),
        (PROXY, "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (STRANGER, "203.0.113.7", STRANGER),
    ],
)
async def test_the_audit_has_the_address_that_a_trusted_proxy_tells(
    admin: httpx.AsyncClient,
    rest_url: str,
    database: asyncpg.Pool,
    peer: str,
    forwarded: str,
    address: str,
) -> None:
    name = secrets.token_hex(6)
    async with connecting_from(peer, rest_url) as client:
        await client.delete(
            f"/users/{name}",
            headers={**await api_key(admin, "admin"), "X-Forwarded-For": forwarded},
        )
    noted = await database.fetchval("SELECT address FROM audit WHERE path LIKE '%' || $1", name)
    assert noted == address


async def test_guesses_through_a_trusted_proxy_count_for_the_client_behind_it(
    admin: httpx.AsyncClient, rest_url: str
) -> None:
    name, password = secrets.token_hex(6), "a good password"
    user = {"username": name, "password": password, "role": "viewer"}
    assert (await admin.post("/users", json=user)).status_code == 201
    async with connecting_from(PROXY, rest_url) as client:

        async def log_in(given: str, forwarded: str) -> int:
            answer = await client.post(
                "/auth/token",
                data={"username": name, "password": given},
                headers={"X-Forwarded-For": forwarded},
            )
            return answer.status_code

        for _ in range(10):
            await log_in("a guess", "203.0.113.1")
        assert await log_in("a guess", "203.0.113.1") == 429
        assert await log_in(password, "203.0.113.2") == 200
