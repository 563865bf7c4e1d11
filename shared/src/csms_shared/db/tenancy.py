"""Requests see the rows of the tenant that they act for, and no others (ADR 0037).

Row-level security holds this in the database: a role of its own (`requests_login`), for which every
table with a `tenant_id` has a policy. Each of its transactions says for whom it acts; one that does
not sees nothing. What serves all tenants at once (calls of stations, the outbox, upkeep) has the
service's own role. The statements say the tenant themselves as well, by `of_tenant`.
"""

import contextlib
import hmac
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from sqlalchemy import Connection, text
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.db.engine import create_engine
from csms_shared.db.urls import parse_database_url

_VARIABLE = "csms.tenant"
_ACT_FOR = f"SELECT set_config('{_VARIABLE}', $1, true)"
# True of no row where nothing is set, for no tenant is named by an empty text.
_OWN_ROWS = f"tenant_id = current_setting('{_VARIABLE}', true)"
_acting_for: ContextVar[str] = ContextVar("tenant_id", default="")


@dataclass(frozen=True, slots=True)
class Login:
    """A role of the database and its password."""

    role: str
    password: str


@dataclass(frozen=True, slots=True)
class RequestEngines:
    """What requests are answered from: the rows of a tenant, or what belongs to none or to all."""

    of_tenant: AsyncEngine
    of_all: AsyncEngine


@contextlib.contextmanager
def acting_for(tenant_id: str) -> Iterator[None]:
    """Have the transactions of requests begun in here act for this tenant."""
    token = _acting_for.set(tenant_id)
    try:
        yield
    finally:
        _acting_for.reset(token)


def act_for(tenant_id: str) -> None:
    """Have the transactions of requests act for this tenant from here on, within this task."""
    _acting_for.set(tenant_id)


def acted_for() -> str:
    """Return for whom transactions of requests act here; empty where for nobody."""
    return _acting_for.get()


def of_tenant(alias: str = "") -> str:
    """Return the condition that a row is of the tenant in the parameter `tenant_id`.

    `alias` names the table, where there are several.
    """
    return f"{alias}.tenant_id = :tenant_id" if alias else "tenant_id = :tenant_id"


def service_login(url: str) -> Login:
    """Return the service's own role, which its URL names with its password."""
    parsed = parse_database_url(url)
    assert parsed.user is not None, "a service's URL names its role"
    assert parsed.password is not None
    return Login(parsed.user, parsed.password)


def requests_login(url: str) -> Login:
    """Return who serves requests for the service that has this URL.

    The password follows from the service's own, which both the service and its migration know: so
    it is in no setting, and changes with the other.
    """
    service = service_login(url)
    role = f"{service.role}_requests"
    return Login(role, hmac.digest(service.password.encode(), role.encode(), "sha256").hex())


def create_requests_engine(url: str, schema: str, *, name: str, pool_size: int) -> AsyncEngine:
    """Return an engine whose transactions see what `acting_for` says when they begin."""
    login, parts = requests_login(url), urlsplit(url)
    at = parts.netloc.rpartition("@")[2]
    own = parts._replace(netloc=f"{quote(login.role, safe='')}:{login.password}@{at}").geturl()
    engine = create_engine(own, schema, name=name, pool_size=pool_size)
    listen(engine.sync_engine, "begin", _act)
    return engine


def _act(connection: Connection) -> None:
    connection.exec_driver_sql(_ACT_FOR, (_acting_for.get(),))


def secure_rows(connection: Connection, schema: str, service_role: str, role: str) -> None:
    """Let `role` see its tenant's rows of every table with a tenant, and the service's role all.

    Idempotent; a table is locked only where something is missing, and each is committed by itself.
    `requests.sql` of the service's migrations, which runs after it, says what `role` may do with
    tables that have no tenant.
    """
    quoted = connection.dialect.identifier_preparer.quote_identifier
    for table, secured, policies in _tables_of_tenants(connection, schema):
        named = f"{quoted(schema)}.{quoted(table)}"
        if not secured:
            connection.execute(text(f"ALTER TABLE {named} ENABLE ROW LEVEL SECURITY"))
        for policy, whose, rows in (
            (f"all_rows_{service_role}", service_role, "true"),
            (f"own_rows_{role}", role, _OWN_ROWS),
        ):
            if policy not in policies:
                connection.execute(
                    text(
                        f"CREATE POLICY {quoted(policy)} ON {named} TO {quoted(whose)} "
                        f"USING ({rows}) WITH CHECK ({rows})"
                    )
                )
        connection.execute(
            text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {named} TO {quoted(role)}")
        )
        connection.commit()


def _tables_of_tenants(connection: Connection, schema: str) -> list[Any]:
    # Not partitions: they are reached by their table, whose policies count.
    return list(
        connection.execute(
            text(
                "SELECT c.relname, c.relrowsecurity, ARRAY(SELECT p.polname::text "
                "FROM pg_policy p WHERE p.polrelid = c.oid) FROM pg_class c "
                "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' "
                "AND NOT a.attisdropped WHERE c.relnamespace = to_regnamespace(:schema) "
                "AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.relname"
            ),
            {"schema": schema},
        )
    )
