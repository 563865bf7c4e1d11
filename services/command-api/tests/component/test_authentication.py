"""Who asks: every combination of the two kinds of credentials, each right, wrong or absent."""

import itertools
import secrets
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio
from command_api_fakes import Stations, is_problem

pytestmark = pytest.mark.asyncio(loop_scope="package")

BEARERS = ("right", "wrong", "another scheme", "empty", None)
KEYS = ("right", "wrong", "empty", None)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a key, which a command's `created_by` tells apart."""

    username: str
    token: str
    key_name: str
    key: str

    def headers(self, bearer: str | None, key: str | None) -> dict[str, str]:
        authorization = {
            "right": f"Bearer {self.token}",
            "wrong": "Bearer nonsense",
            "another scheme": "Basic YTpi",
            "empty": "Bearer",
        }
        keys = {"right": self.key, "wrong": "csms_nonsense", "empty": ""}
        headers = {} if bearer is None else {"Authorization": authorization[bearer]}
        return headers if key is None else {**headers, "X-API-Key": keys[key]}


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def credentials(admin: httpx.AsyncClient, rest_url: str) -> Credentials:
    """Make a user and a key."""
    name, password = secrets.token_hex(6), "a good password"
    user = {"username": name, "password": password, "role": "operator"}
    (await admin.post("/users", json=user)).raise_for_status()
    key = await admin.post("/api-keys", json={"name": f"{name}'s", "role": "operator"})
    async with httpx.AsyncClient(base_url=rest_url, trust_env=False) as client:
        form = {"username": name, "password": password}
        token = (await client.post("/api/v1/auth/token", data=form)).json()["access_token"]
    return Credentials(name, token, f"api-key:{name}'s", key.json()["key"])


@pytest.mark.parametrize(("bearer", "key"), itertools.product(BEARERS, KEYS))
async def test_one_valid_credential_suffices_whatever_is_beside_it(
    nobody: httpx.AsyncClient,
    stations: Stations,
    credentials: Credentials,
    bearer: str | None,
    key: str | None,
) -> None:
    headers = credentials.headers(bearer, key)
    # Two ways through the code: a plain route, and one of the framework's.
    path = f"/api/v1/stations/{stations.online()}/commands/ClearCache"
    command = await nobody.post(path, json={}, headers=headers)
    page = await nobody.get("/api/v1/commands", headers=headers)
    if bearer != "right" and key != "right":
        for answer in (command, page):
            is_problem(answer, 401, "unauthenticated")
            assert answer.headers["www-authenticate"].startswith("Bearer")
        return
    assert page.status_code == 200
    # Where both are valid, the key says who asks.
    asking = credentials.key_name if key == "right" else credentials.username
    assert command.json()["created_by"] == asking
