"""Statements on id tokens that decisions need."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from session_service.domain.authorization import Token

_READ = text(
    "SELECT key, status, expires_at, group_id, max_concurrent FROM id_token "
    "WHERE key = ANY(CAST(:keys AS text[]))"
)
# Unlimited tokens are not locked: a fleet's one card would queue up all its starts.
_LOCK = text(
    "SELECT key, status, expires_at, group_id, max_concurrent FROM id_token "
    "WHERE key = ANY(CAST(:keys AS text[])) AND max_concurrent IS NOT NULL "
    "ORDER BY key FOR UPDATE"
)


async def read_tokens(connection: AsyncConnection, keys: Collection[str]) -> dict[str, Token]:
    """Return the tokens with these keys."""
    if not keys:
        return {}
    rows = await connection.execute(_READ, {"keys": list(keys)})
    return {row.key: Token(*row) for row in rows}


async def lock_limited(connection: AsyncConnection, tokens: dict[str, Token]) -> dict[str, Token]:
    """Return these tokens, those that have a limit locked and as they are now."""
    limited = [key for key, token in tokens.items() if token.max_concurrent is not None]
    if not limited:
        return tokens
    locked = await connection.execute(_LOCK, {"keys": limited})
    return tokens | {row.key: Token(*row) for row in locked}
