"""Statements on id tokens that decisions need."""

# ruff: noqa: S608 - statements are joined from constants of this module

from collections.abc import Collection, Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.tenancy import of_tenant
from csms_shared.values.id_tokens import token_key
from session_service.tokens.domain import Token

_COLUMNS = "key, status, expires_at, group_id, max_concurrent"
_READ = text(f"SELECT {_COLUMNS} FROM id_token WHERE key = ANY(:keys)")
_READ_GROUPS = text(
    f"SELECT DISTINCT group_id FROM id_token WHERE {of_tenant()} AND group_id IS NOT NULL"
)
# Unlimited tokens are not locked: a fleet's one card would queue up all its starts.
_LOCK_AND_READ = text(
    f"WITH locked AS (SELECT {_COLUMNS} FROM id_token "
    "WHERE key = ANY(:starting) AND max_concurrent IS NOT NULL "
    f"ORDER BY key FOR UPDATE) SELECT {_COLUMNS}, true AS current FROM locked "
    f"UNION ALL SELECT {_COLUMNS}, false FROM id_token WHERE key = ANY(:keys)"
)


async def read_tokens(
    connection: AsyncConnection, keys: Collection[str], *, starting: Collection[str] = ()
) -> dict[str, Token]:
    """Return the tokens with these keys; those `starting` that have a limit are locked."""
    if not keys and not starting:
        return {}
    if not starting:
        return {
            row.key: Token(*row) for row in await connection.execute(_READ, {"keys": list(keys)})
        }
    both = {*keys, *starting}
    found = await connection.execute(
        _LOCK_AND_READ, {"keys": list(both), "starting": list(starting)}
    )
    # Who waited for a lock has the token as it is now; the others are as of before.
    rows = sorted(found, key=lambda row: bool(row.current))
    return {row.key: Token(*row[:-1]) for row in rows}


async def read_groups(connection: AsyncConnection, tenant_id: str) -> Mapping[str, Collection[str]]:
    """Return how the groups of a tenant's tokens are written, by what they are compared by.

    A database compares without case by rules of its own, which differ from `token_key`'s.
    """
    groups: dict[str, list[str]] = {}
    for written in (await connection.execute(_READ_GROUPS, {"tenant_id": tenant_id})).scalars():
        groups.setdefault(token_key(written), []).append(written)
    return groups
