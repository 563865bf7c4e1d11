"""Pytest fixtures: a real broker and a real database, from containers or as private nodes."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from csms_local.engine_nodes import container_nodes, containers_can_be_had
from csms_local.nodes.private import PrivateNodes


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Broker URL and database owner's URL, for the whole test run."""
    home: Path = tmp_path_factory.mktemp("nodes")
    with contextlib.ExitStack() as stack:
        if containers_can_be_had():
            yield stack.enter_context(container_nodes())
        else:
            private = stack.enter_context(PrivateNodes(home, fsync=False))
            yield private.broker_url, private.database_url


@pytest.fixture(scope="session")
def broker_url(nodes: tuple[str, str]) -> str:
    """AMQP URL of the broker."""
    return nodes[0]


@pytest.fixture(scope="session")
def database_url(nodes: tuple[str, str]) -> str:
    """PostgreSQL URL of a role that may create schemas and roles."""
    return nodes[1]


@pytest.fixture
async def fresh_database_url(database_url: str) -> AsyncIterator[str]:
    """Owner's URL of an empty database of one test's own."""
    name = f"test_{secrets.token_hex(6)}"
    owner = await asyncpg.connect(database_url)
    try:
        await owner.execute(f"CREATE DATABASE {name}")
        yield f"{database_url.rpartition('/')[0]}/{name}"
        async with asyncio.timeout(60):
            await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await owner.close()


async def delete_rows(owner: "asyncpg.Connection[Any]", tables: Iterable[str]) -> None:
    """Delete all rows of these tables, in any order; no trigger is run for them.

    TRUNCATE takes a hundred times as long: it makes the files of each table, partition and index
    anew.
    """
    async with owner.transaction():
        await owner.execute("SET LOCAL session_replication_role = replica")
        statements = [f"DELETE FROM {table}" for table in tables]  # noqa: S608 - names in a test
        await owner.execute("; ".join(statements))
