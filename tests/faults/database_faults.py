"""What can befall a PostgreSQL server, done to a private one."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from csms_local.nodes.private import PrivateNodes
from tests.faults.proxy import Proxy

DATABASE = "database"
# SQLSTATE (PostgreSQL documentation, appendix A).
DEADLOCK = "40P01"
SERIALIZATION_FAILURE = "40001"
DISK_FULL = "53100"

_CONNECT_S = 10.0
_LOCK_TIMEOUT = "SET lock_timeout = '20s'"
# The sequence counts what was raised: alone of all, it is not rolled back.
_RAISER = """
CREATE SCHEMA IF NOT EXISTS faults;
CREATE SEQUENCE IF NOT EXISTS faults.raised;
CREATE OR REPLACE FUNCTION faults.raise_sometimes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF random() < TG_ARGV[1]::float THEN
        PERFORM nextval('faults.raised');
        RAISE EXCEPTION 'injected fault' USING ERRCODE = TG_ARGV[0];
    END IF;
    RETURN NULL;
END $$;
"""


class DatabaseFaults:
    """Does things to one server; nothing here waits for the suite to notice or to recover."""

    def __init__(self, nodes: PrivateNodes) -> None:
        self._nodes = nodes

    async def terminate_connections(self) -> int:
        """End every client's connection from the server's side; return how many there were."""
        async with self._owner() as owner:
            return int(
                await owner.fetchval(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                )
            )

    async def crash(self) -> None:
        """End the server at once, without a checkpoint (`pg_ctl stop -m immediate`)."""
        await asyncio.to_thread(self._nodes.end, DATABASE, signal.SIGQUIT)

    async def begin(self) -> None:
        """Start the ended server on its data and wait until it takes clients."""
        self._nodes.begin(DATABASE)
        await asyncio.to_thread(self._nodes.wait_until_ready, DATABASE)

    @asynccontextmanager
    async def locked(self, table: str) -> AsyncIterator[None]:
        """Keep everybody else from reading and writing `schema.table`."""
        async with self._owner() as owner, owner.transaction():
            await owner.execute(_LOCK_TIMEOUT)
            await owner.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield

    @asynccontextmanager
    async def raising(self, sqlstate: str, *tables: str, share: float = 1.0) -> AsyncIterator[None]:
        """Let this share of the statements that write to the tables (`schema.table`) fail."""
        async with self._owner() as owner:
            await owner.execute(_LOCK_TIMEOUT)
            await owner.execute(_RAISER)
            for table in tables:
                await owner.execute(
                    f"CREATE TRIGGER fault BEFORE INSERT OR UPDATE ON {table} FOR EACH STATEMENT "
                    f"EXECUTE FUNCTION faults.raise_sometimes('{sqlstate}', '{share}')"
                )
            try:
                yield
            finally:
                for table in tables:
                    await owner.execute(f"DROP TRIGGER fault ON {table}")

    async def raised(self) -> int:
        """Return how many errors `raising` has raised on this server so far."""
        async with self._owner() as owner:
            count = await owner.fetchval(
                "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM faults.raised"
            )
            return int(count)

    @asynccontextmanager
    async def _owner(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        owner = await asyncpg.connect(self._nodes.database_url, timeout=_CONNECT_S)
        try:
            yield owner
        finally:
            await owner.close(timeout=_CONNECT_S)


def slow_commits(path: Proxy, seconds: float) -> None:
    """Let every commit that travels on this path take so much longer, until it is mended."""
    path.to_target.delay(seconds, only=lambda data: b"COMMIT" in data)
