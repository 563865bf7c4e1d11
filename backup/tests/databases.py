"""Databases with migrated schemas, what is in them, and a restore into them."""

import functools
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from csms_backup.clients import Database
from csms_backup.given_out import GivenOut
from csms_backup.restore import restore as restore_with
from csms_backup.services import ask_services
from csms_local.services import ROLES

PROGRAMS = Path(sys.executable).parent
ROLE_PASSWORD = "a-role-password"
MILLION = 1_000_000


def migrate(owner_url: str) -> None:
    """Bring all schemas up to date, as `make run` and the Jobs do."""
    host = urlsplit(owner_url).netloc.rpartition("@")[2]
    running = []
    for service, role in ROLES.items():
        url = urlunsplit(urlsplit(owner_url)._replace(netloc=f"{role}:{ROLE_PASSWORD}@{host}"))
        urls = {"CSMS_MIGRATION_DATABASE_URL": owner_url, "CSMS_DATABASE_URL": url}
        command = [str(PROGRAMS / service), "migrate"]
        running.append(subprocess.Popen(command, env={**os.environ, **urls}))
    assert [process.wait(180) for process in running] == [0] * len(ROLES)


said_by_services = functools.cache(ask_services)


def restore(database: Database, archive: Path) -> GivenOut:
    """Restore with what the services say, asked once: a program takes a second to start."""
    return restore_with(database, archive, said_by_services())


class Databases:
    """Makes databases on one server; `migrated` ones are copies of one that was migrated once."""

    def __init__(self, owner_url: str, owner: asyncpg.Connection) -> None:
        self._owner_url = owner_url
        self._owner = owner

    def url(self, name: str) -> str:
        return f"{self._owner_url.rpartition('/')[0]}/{name}"

    async def empty(self, template: str = "template0") -> Database:
        name = f"test_{secrets.token_hex(6)}"
        await self._owner.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return Database(self.url(name), "the test's database")

    async def migrated(self) -> Database:
        known = await self._owner.fetchval(
            "SELECT count(*) FROM pg_database WHERE datname = 'migrated'"
        )
        if not known:
            await self._owner.execute("CREATE DATABASE migrated")
            migrate(self.url("migrated"))
        return await self.empty("migrated")


async def ask(database: Database, query: str) -> Any:
    """Return the first value that a query finds."""
    connection = await asyncpg.connect(database.url, timeout=10)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def run(database: Database, *statements: str) -> None:
    """Run statements."""
    connection = await asyncpg.connect(database.url, timeout=10)
    try:
        await connection.execute(";".join(statements))
    finally:
        await connection.close()


START = (
    "INSERT INTO session.transaction (key, station_id, connector_id, id_token, token_key, status, "
    "authorization_status, started_at, started_raw, meter_start, epoch, seq, received_at) "
    "VALUES (decode(md5(random()::text), 'hex'), 'CS-1', 1, 'A', 'a', 'active', 'accepted', "
    "now(), '', 0, 7, 1, now())"
)
STATION = (
    "INSERT INTO registry.station (station_id, registration_status, epoch, boot_count, "
    "recent_connections) VALUES ('CS-1', 'accepted', 7, 3, '{c7,c6}')"
)
