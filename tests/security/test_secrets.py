"""Secrets stay where they belong: out of logs and rows, and compared in constant time."""

import ast
import json
import os
import secrets
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from csms_local.run_state import RunState
from csms_local.suite import Suite
from csms_simulator.bare_station import BareStation
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.security.raw_socket import RawSocket

pytestmark = pytest.mark.usefixtures("nothing_collected")

ROOT = Path(__file__).resolve().parents[2]


async def _use_secrets(run: RunState, operator: Operator, station_id: str) -> dict[str, str]:
    """Use every kind of secret, rightly and wrongly; return them by what they are."""
    made = {
        "station password": secrets.token_hex(12),
        "wrong station password": secrets.token_hex(12),
        "rotated station password": secrets.token_hex(20),
        "user password": secrets.token_hex(12),
        "wrong user password": secrets.token_hex(12),
        "forged token": secrets.token_hex(30),
        "forged key": "csms_" + secrets.token_hex(30),
    }
    password = made["station password"].encode()
    await operator.http.post(
        "/stations", json={"station_id": station_id, "password": password.decode()}
    )
    async with await RawSocket.open(run.ocpp_url) as stranger:
        wrong = made["wrong station password"].encode()
        await stranger.send(stranger.upgrade(station_id, password=wrong))
        assert (await stranger.answer()).status == 401
    settings = StationSettings(automatic=False, password=password)
    async with SimulatedStation(station_id, run.ocpp_url, settings=settings) as station:
        await station.link.online.wait()
        await station.boot()
        rotation = {"key": "AuthorizationKey", "value": made["rotated station password"]}
        await operator.command(station_id, "ChangeConfiguration", rotation)
        await operator.command(station_id, "GetConfiguration", {})
    user = f"user-{secrets.token_hex(4)}"
    new_user = {"username": user, "password": made["user password"], "role": "viewer"}
    await operator.http.post("/users", json=new_user)
    # Requests that fail must not show what they were given either.
    await operator.http.post("/users", json={**new_user, "role": "nobody"})
    await operator.http.post("/users", json={**new_user, "password": [made["user password"]]})
    for one in ("user password", "wrong user password"):
        await operator.http.post("/auth/token", data={"username": user, "password": made[one]})
    key = await operator.http.post("/api-keys", json={"name": user, "role": "viewer"})
    made["api key"] = key.json()["key"]
    for headers in (
        {"Authorization": f"Bearer {made['forged token']}"},
        {"X-API-Key": made["forged key"]},
        {"X-API-Key": made["api key"]},
    ):
        await operator.http.get("/stations", headers=headers)
    return made


def _own_secrets(suite: Suite, run: RunState) -> dict[str, str]:
    """Return the suite's own, from its state folder."""
    kept: dict[str, str] = json.loads((suite.home / "secrets.json").read_text())
    return {**kept, "admin password": run.admin_password}


async def test_no_log_shows_a_secret(
    suite: Suite, run: RunState, operator: Operator, station_id: str
) -> None:
    used = await _use_secrets(run, operator, station_id)
    used |= _own_secrets(suite, run)
    used["a token of the administrator"] = operator.authorization.removeprefix("Bearer ")
    logs = [log for log in (suite.home / "logs").rglob("*") if log.is_file()]
    assert len(logs) >= 6
    for log in logs:
        text = log.read_text(errors="replace")
        assert [name for name, secret in used.items() if secret in text] == [], log.name


async def test_no_row_holds_a_secret(run: RunState, operator: Operator, station_id: str) -> None:
    used = await _use_secrets(run, operator, station_id)
    connection = await asyncpg.connect(run.database_url)
    try:
        tables = await connection.fetch(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') "
            "AND table_type = 'BASE TABLE'"
        )
        assert len(tables) > 15
        for table in tables:
            name = f'"{table["table_schema"]}"."{table["table_name"]}"'
            for what, secret in used.items():
                found = await connection.fetchval(
                    f"SELECT count(*) FROM {name} AS row WHERE row::text LIKE '%' || $1 || '%'",
                    secret,
                )
                assert found == 0, (name, what)
    finally:
        await connection.close()


async def test_a_station_that_shows_its_key_shows_it_to_nobody_else(
    run: RunState, operator: Operator, station_id: str
) -> None:
    """Firmware does return AuthorizationKey with its value, though it is write-only."""
    shown = secrets.token_hex(20)

    async def configuration(_: BareStation, payload: dict[str, Any]) -> dict[str, Any]:
        return {
            "configurationKey": [
                {"key": "AuthorizationKey", "readonly": False, "value": shown},
                {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
            ]
        }

    async with SimulatedStation(
        station_id,
        run.ocpp_url,
        settings=StationSettings(automatic=False),
        handlers={"GetConfiguration": configuration},
    ) as station:
        await station.link.online.wait()
        await station.boot()
        command = await operator.command(station_id, "GetConfiguration", {})
    values = {one["key"]: one["value"] for one in command["response"]["configurationKey"]}
    assert values == {"AuthorizationKey": "***", "HeartbeatInterval": "300"}
    stored = await operator.get(f"/commands/{command['command_id']}")
    assert shown not in str(stored)


def test_the_state_folder_and_the_processes_keep_their_secrets_from_other_users(
    suite: Suite, run: RunState
) -> None:
    assert suite.run_file.stat().st_mode & 0o077 == 0
    assert (suite.home / "secrets.json").stat().st_mode & 0o077 == 0
    own = [secret for secret in _own_secrets(suite, run).values() if len(secret) > 7]
    pids = [*run.services.values(), *(gateway.pid for gateway in run.gateways)]
    for pid in pids:
        command_line = Path(f"/proc/{pid}/cmdline").read_text()
        assert not [secret for secret in own if secret in command_line]


SECRET_NAMES = ("password", "secret", "proof", "credential", "pepper", "api_key", "digest")
# Compares names or presence, never the secret itself.
HARMLESS = (ast.Constant,)


def _compared_secrets(source: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source.read_text())):
        if not isinstance(node, ast.Compare):
            continue
        if not any(isinstance(operator, (ast.Eq, ast.NotEq, ast.In)) for operator in node.ops):
            continue
        sides = [node.left, *node.comparators]
        if any(isinstance(side, HARMLESS) for side in sides):
            continue
        names = [ast.unparse(side).lower() for side in sides]
        if any(secret in name for name in names for secret in SECRET_NAMES):
            found.append(f"{source.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}")
    return found


# Whole credentials that both are from our own database, and the digest of an API key of 256
# random bits that an index finds: nobody can guess either by time.
NOT_GUESSED = ("ownership/handlers/claims.py", "accounts/store/accounts.py")
# Digests of public keys, certificates' issuers, local lists and meter values are no secrets.
NOT_SECRET = (
    "certificates/store/views.py",
    "certificates/domain/requests.py",
    "certificates/domain/signed_chains.py",
    "local_lists/domain/lists.py",
    "local_lists/handlers/requests.py",
    "transactions/domain/evidence.py",
)


def test_no_secret_is_compared_with_an_operator() -> None:
    sources = [
        *ROOT.glob("services/*/src/**/*.py"),
        *ROOT.glob("shared/src/**/*.py"),
    ]
    assert len(sources) > 100
    found = [
        line
        for source in sources
        if not str(source).endswith((*NOT_GUESSED, *NOT_SECRET))
        for line in _compared_secrets(source)
    ]
    assert found == []


@pytest.mark.parametrize("module", ["station_registry/credentials/domain/password_hashes.py"])
def test_a_stations_password_is_compared_in_constant_time(module: str) -> None:
    (source,) = ROOT.glob(f"services/*/src/{module}")
    assert "hmac.compare_digest(" in source.read_text()


def test_the_process_environment_is_readable_by_its_owner_only(run: RunState) -> None:
    for pid in run.services.values():
        assert os.stat(f"/proc/{pid}/environ").st_mode & 0o077 == 0
