"""Migrations of one service: its schema, its least-privilege roles, its tables, under a lock."""

import asyncio
import functools
import ssl
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random

from csms_shared.db.engine import CONNECT_TIMEOUT_S, DRIVER, in_transaction, is_infrastructure
from csms_shared.db.settings import MigrationSettings
from csms_shared.db.tenancy import Login, requests_login, secure_rows, service_login
from csms_shared.db.urls import parse_database_url
from csms_shared.runtime.errors import Unavailable

_LOCK_LOOKED_AT_S = 0.1
LOCK_WAIT_MS = 2_000


def _config(schema: str, scripts: Path, connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts))
    config.attributes["connection"] = connection
    config.attributes["schema"] = schema
    return config


async def migrate_with(settings: MigrationSettings, schema: str, scripts: Path) -> None:
    """Run `migrate` with the URLs of the environment."""
    await migrate(
        settings.migration_database_url.get_secret_value(),
        settings.database_url.get_secret_value(),
        schema,
        scripts,
    )


async def migrate(owner_url: str, service_url: str, schema: str, scripts: Path) -> None:
    """Bring `schema` up to date; safe to run again and from several places at once.

    Waits up to 60 s for a database that is still starting.

    Raises:
        Unavailable: it did not answer until then, or either side refuses the other's TLS.
    """
    owner = parse_database_url(owner_url)
    engine = create_async_engine(
        DRIVER,
        poolclass=NullPool,
        connect_args={
            "dsn": owner.dsn,
            "timeout": owner.connect_timeout_s or CONNECT_TIMEOUT_S,
        },
    )
    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_delay(60),
            wait=wait_random(0.2, 1.0),
            reraise=True,
        ):
            with attempt:
                async with engine.connect() as connection:
                    await _lock(connection)
                    await connection.run_sync(_upgrade, schema, scripts, service_url)
    except Exception as error:
        if is_infrastructure(error):
            raise Unavailable(f"database: {error!r}") from error
        raise
    finally:
        await engine.dispose()


def _may_pass(error: BaseException) -> bool:
    # asyncpg has no type of its own for a server that has no TLS.
    refused = isinstance(error, ssl.SSLError) or "rejected SSL upgrade" in str(error)
    return is_infrastructure(error) and not refused


async def _lock(connection: AsyncConnection) -> None:
    """Wait until no other migration runs.

    Roles are the cluster's, so migrations of all schemas take one lock. It is held to the end of
    the connection: each revision commits, so that none keeps the locks of the one before. Whoever
    waits holds no transaction meanwhile, for which an index that is made concurrently would wait.
    """
    taken = text("SELECT pg_try_advisory_lock(hashtextextended('csms.migrate', 0))")
    while not (await connection.execute(taken)).scalar_one():
        await connection.commit()
        await asyncio.sleep(_LOCK_LOOKED_AT_S)
    await connection.commit()


def _upgrade(connection: Connection, schema: str, scripts: Path, service_url: str) -> None:
    quote = connection.dialect.identifier_preparer.quote_identifier
    service, requests = service_login(service_url), requests_login(service_url)
    for login in (service, requests):
        _create_role(connection, login, quote(login.role))
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}"))
    connection.execute(text(f"SET search_path TO {quote(schema)}"))
    connection.commit()
    command.upgrade(_config(schema, scripts, connection), "head")
    # What follows locks tables that are in use: each by itself, and nobody waits for long behind
    # it. One that somebody else has for longer is tried again.
    connection.execute(text(f"SET lock_timeout = '{LOCK_WAIT_MS}ms'"))
    connection.commit()
    names = {"schema": schema, "role": service.role, "requests": requests.role}
    quoted = {name: quote(value) for name, value in names.items()}
    for statement in (
        "GRANT USAGE ON SCHEMA {schema} TO {role}, {requests}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
        "REVOKE INSERT, UPDATE, DELETE ON {schema}.alembic_version FROM {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}, {requests}",
        # Some act as their owner: they are for nobody but the service's own role.
        "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} FROM PUBLIC",
        "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}",
        *_statements(scripts / "grants.sql"),
    ):
        connection.execute(text(statement.format(**quoted)))
    connection.commit()
    secure_rows(connection, schema, service.role, requests.role)
    for statement in _statements(scripts / "requests.sql"):
        connection.execute(text(statement.format(**quoted)))
        connection.commit()


def _statements(file: Path) -> list[str]:
    """Return what a service says of its roles beyond that, beside its revisions."""
    if not file.exists():
        return []
    lines = file.read_text().splitlines()
    statements = "".join(f"{line}\n" for line in lines if not line.startswith("--"))
    # Not at those within a line: a block has some.
    return [statement for statement in statements.split(";\n") if statement.strip()]


def _create_role(connection: Connection, login: Login, quoted: str) -> None:
    exists = connection.execute(
        text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": login.role}
    ).first()
    verb = "ALTER" if exists else "CREATE"
    # A password can't be a bound parameter of a utility statement: quoted by the server itself.
    literal = connection.execute(
        text("SELECT quote_literal(:password)"), {"password": login.password}
    ).scalar_one()
    connection.exec_driver_sql(
        f"{verb} ROLE {quoted} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {literal}"
    )


def run_environment() -> None:
    """Do what an Alembic `env.py` must; each service's `env.py` is one call of this."""
    from alembic import context

    schema = context.config.attributes["schema"]
    context.configure(
        connection=context.config.attributes["connection"],
        version_table_schema=schema,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


@functools.cache
def _revisions(schema: str, scripts: Path) -> tuple[str | None, frozenset[str]]:
    """Return the newest revision and all that these scripts know."""
    directory = ScriptDirectory.from_config(_config(schema, scripts))
    known = frozenset(revision.revision for revision in directory.walk_revisions())
    return directory.get_current_head(), known


async def missing_migrations(engine: AsyncEngine, schema: str, scripts: Path) -> str | None:
    """Return what is missing in words, or None when the schema is at the newest revision.

    A revision that these scripts do not know is a newer one: migrations only expand, so that the
    instances of the version before go on while a new version is rolled out.

    Raises:
        Unavailable: the database is away.
    """
    head, known = await asyncio.to_thread(_revisions, schema, scripts)

    def current(connection: Connection) -> str | None:
        options = {"version_table_schema": schema}
        return MigrationContext.configure(connection, opts=options).get_current_revision()

    try:
        found = await in_transaction(engine, lambda connection: connection.run_sync(current))
    except DBAPIError as error:
        return f"the schema {schema} can't be read: {error.orig!r}"[:300]
    if found == head or (found is not None and found not in known):
        return None
    return f"schema {schema} is at {found}, wanted {head}"
