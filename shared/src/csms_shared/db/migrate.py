"""Migrations of one service: its schema, its least-privilege role, its tables, under a lock."""

import asyncio
import functools
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random

from csms_shared.db.engine import in_transaction, is_infrastructure
from csms_shared.settings import MigrationSettings


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
    """
    engine = create_async_engine(
        make_url(owner_url).set(drivername="postgresql+asyncpg"), poolclass=NullPool
    )
    role = make_url(service_url)
    if role.username is None or role.password is None:
        raise ValueError("CSMS_DATABASE_URL must name the service's role and its password")
    username, password = role.username, str(role.password)
    async for attempt in AsyncRetrying(
        retry=retry_if_exception(is_infrastructure),
        stop=stop_after_delay(60),
        wait=wait_random(0.2, 1.0),
        reraise=True,
    ):
        with attempt:
            async with engine.begin() as connection:
                await connection.run_sync(_upgrade, schema, scripts, username, password)
    await engine.dispose()


def _upgrade(
    connection: Connection, schema: str, scripts: Path, username: str, password: str
) -> None:
    # Roles are the cluster's, so migrations of all schemas take one lock.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('csms.migrate', 0))"))
    quote = connection.dialect.identifier_preparer.quote_identifier
    _create_role(connection, username, password, quote(username))
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}"))
    connection.execute(text(f"SET LOCAL search_path TO {quote(schema)}"))
    command.upgrade(_config(schema, scripts, connection), "head")
    for statement in (
        "GRANT USAGE ON SCHEMA {schema} TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
        "REVOKE INSERT, UPDATE, DELETE ON {schema}.alembic_version FROM {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}",
    ):
        connection.execute(text(statement.format(schema=quote(schema), role=quote(username))))


def _create_role(connection: Connection, username: str, password: str, quoted: str) -> None:
    exists = connection.execute(
        text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": username}
    ).first()
    verb = "ALTER" if exists else "CREATE"
    # A password can't be a bound parameter of a utility statement: quoted by the server itself.
    literal = connection.execute(
        text("SELECT quote_literal(:password)"), {"password": password}
    ).scalar_one()
    connection.exec_driver_sql(
        f"{verb} ROLE {quoted} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {literal}"
    )


def run_environment() -> None:
    """Do what an Alembic `env.py` must; each service's `env.py` is one call of this."""
    from alembic import context

    schema = context.config.attributes["schema"]
    context.configure(
        connection=context.config.attributes["connection"], version_table_schema=schema
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
