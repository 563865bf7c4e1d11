"""The program itself: what it says when it can't start, and that it ends when told."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from csms_local.nodes.ports import free_port

PROGRAM = str(Path(sys.executable).with_name("command-api"))


@pytest.fixture
def environment(broker_url: str, database_url: str) -> dict[str, str]:
    """Settings of an instance whose database has no users, and no schema."""
    return {
        "PATH": os.environ["PATH"],
        "CSMS_BROKER_URL": broker_url,
        "CSMS_DATABASE_URL": database_url,
        "CSMS_PROBE_PORT": str(free_port()),
        "CSMS_HTTP_PORT": str(free_port()),
        "CSMS_TOKEN_SECRET": "a secret for the tests of this service",
        "CSMS_CREDENTIAL_PEPPER": "a pepper for the tests",
    }


def run(*arguments: str, env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [PROGRAM, *arguments], env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_missing_settings_are_named_and_the_exit_code_is_2(environment: dict[str, str]) -> None:
    del environment["CSMS_TOKEN_SECRET"]
    ended = run("serve", env=environment | {"CSMS_HTTP_PORT": "http"})
    assert ended.returncode == 2
    assert "CSMS_TOKEN_SECRET" in ended.stderr
    assert "CSMS_HTTP_PORT" in ended.stderr


def test_help_lists_every_setting(environment: dict[str, str]) -> None:
    shown = run("--help", env=environment).stdout
    for name in (*environment, "CSMS_ADMIN_PASSWORD", "CSMS_MIN_PASSWORD_LENGTH"):
        assert name == "PATH" or name in shown


@pytest.mark.parametrize("setting", ["CSMS_HTTP_PORT", "CSMS_PROBE_PORT"])
def test_a_taken_port_is_named(environment: dict[str, str], setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run("serve", env=environment | {setting: port})
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith(f"{setting}: cannot listen on 127.0.0.1:{port}")


def test_the_first_start_needs_the_administrators_password(
    environment: dict[str, str], database_url: str
) -> None:
    name = f"first_start_{os.getpid()}"
    owner = database_url.rpartition("/")[0]
    role_url = f"postgresql://csms_command:a-password@{owner.rpartition('@')[2]}/{name}"

    def sql(statement: str) -> None:
        async def execute() -> None:
            connection = await asyncpg.connect(database_url)
            await connection.execute(statement)
            await connection.close()

        asyncio.run(execute())

    sql(f"CREATE DATABASE {name}")
    try:
        environment |= {
            "CSMS_DATABASE_URL": role_url,
            "CSMS_MIGRATION_DATABASE_URL": f"{owner}/{name}",
        }
        for _ in range(2):
            assert run("migrate", env=environment).returncode == 0
        ended = run("serve", env=environment)
        assert ended.returncode == 2
        assert "CSMS_ADMIN_PASSWORD" in ended.stderr
    finally:
        sql(f"DROP DATABASE {name} WITH (FORCE)")
