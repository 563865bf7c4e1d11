"""Engines, and what a database error means for the message that caused it."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg
import orjson
from sqlalchemy import text
from sqlalchemy.event import listen
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from csms_shared.db.urls import parse_database_url
from csms_shared.runtime.errors import Unavailable

# asyncpg is given the URL itself: SQLAlchemy knows no parameter of libpq.
DRIVER = "postgresql+asyncpg://"
STATEMENT_TIMEOUT_MS = 15_000
CONNECT_TIMEOUT_S = 5.0
# Connection lost, login refused, no such database, transaction rolled back, out of resources,
# operator intervention: SQLSTATE classes that say nothing about the data (PostgreSQL
# documentation, appendix A); 55P03 is a lock that was not to be had in time.
_INFRASTRUCTURE_CLASSES = ("08", "28", "3D", "40", "53", "57")
_LOCK_NOT_AVAILABLE = "55P03"
# Data exception, integrity constraint violation, program limit exceeded.
_DATA_CLASSES = ("22", "23", "54")

Result = TypeVar("Result")
Parameters = TypeVar("Parameters")
RequestHandler = Callable[[Any], Awaitable[Any]]


# A statement that is given arrays of keys would otherwise be planned anew at each run, which can
# take longer than to run it. The one plan may be of a time when the tables were empty, and has to
# suit full ones: it goes by the indexes.
_PLANNED_ONCE = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}


def create_engine(
    url: str, schema: str, *, name: str, pool_size: int, by_keys: bool = False
) -> AsyncEngine:
    """Return an engine for one path of one service; no pool ever grows past `pool_size`.

    `by_keys`: all its statements find their rows by indexed keys, and each is planned once.
    """
    parsed = parse_database_url(url)
    engine = create_async_engine(
        DRIVER,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT_S,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args={
            "dsn": parsed.dsn,
            "timeout": parsed.connect_timeout_s or CONNECT_TIMEOUT_S,
            "command_timeout": STATEMENT_TIMEOUT_MS / 1000 + 5,
            "server_settings": {
                "search_path": schema,
                "application_name": name,
                "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                "lock_timeout": "5000",
                "idle_in_transaction_session_timeout": "30000",
                "timezone": "UTC",
                # Plans of short set-based statements gain nothing from it and pay at every start.
                "jit": "off",
                **(_PLANNED_ONCE if by_keys else {}),
            },
        },
    )
    listen(engine.sync_engine, "checkout", _refuse_ended)
    return engine


def _refuse_ended(adapted: Any, _record: object, _proxy: object) -> None:
    # The server's end of a connection is known without asking it, as a ping would for each use.
    # The pool takes this error as word to connect anew, also for the others it holds.
    if adapted.driver_connection.is_closed():
        raise DisconnectionError


class TransactionLost(Exception):
    """A savepoint could not be set, released or gone back to: its transaction is undone."""


def is_infrastructure(error: BaseException) -> bool:
    """Tell whether the database was away, rather than the data wrong."""
    if isinstance(error, InterfaceError | PoolTimeoutError | OSError | TimeoutError):
        return True
    if isinstance(error, TransactionLost):
        return True
    # The latter where a connection broke in the middle of an exchange; SQLAlchemy wraps neither.
    if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
        return True
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or _has_stale_plan(error):
            return True
        state = getattr(error.orig, "sqlstate", None)
        return state is not None and (
            state[:2] in _INFRASTRUCTURE_CLASSES or state == _LOCK_NOT_AVAILABLE
        )
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate)[:2] in _INFRASTRUCTURE_CLASSES
    return False


def is_about_data(error: BaseException) -> bool:
    """Tell whether what was to be stored is the cause, and would be at the next try.

    A missing right or table, a full disk or a defect of the server is no reason to give up
    something for good.
    """
    if is_infrastructure(error):
        return False
    if isinstance(error, DBAPIError):
        return str(getattr(error.orig, "sqlstate", ""))[:2] in _DATA_CLASSES
    return not isinstance(error, asyncpg.PostgresError)


def _has_stale_plan(error: DBAPIError) -> bool:
    # A migration has changed a table under a prepared statement. SQLAlchemy has dropped all of
    # them by now; the same work, tried again, prepares new ones.
    cause = error.orig.__cause__ if error.orig is not None else None
    return isinstance(cause, asyncpg.InvalidCachedStatementError)


async def in_transaction(
    engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[Result]]
) -> Result:
    """Run `work` in one transaction and commit.

    Raises:
        Unavailable: the database is away; nothing of `work` can be assumed either way.
    """
    try:
        async with engine.begin() as connection:
            return await work(connection)
    except Exception as error:
        if is_infrastructure(error):
            raise Unavailable(f"database: {error!r}"[:500]) from error
        raise


def transactional(
    engine: AsyncEngine, work: Callable[[AsyncConnection, Parameters], Awaitable[Any]]
) -> RequestHandler:
    """Return a request handler that runs `work` in a transaction of its own."""

    async def handler(parameters: Parameters) -> Any:
        return await in_transaction(engine, lambda connection: work(connection, parameters))

    return handler


async def why_away(engine: AsyncEngine) -> str | None:
    """Return why the database does not answer a query now, None where it does."""
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except Exception as error:
        if is_infrastructure(error) or isinstance(error, DBAPIError):
            return f"no answer: {error!r}"[:500]
        raise
    return None
