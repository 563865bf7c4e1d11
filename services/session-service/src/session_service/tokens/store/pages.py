"""Paged reads of id tokens."""

from sqlalchemy import (
    and_,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.sessions import (
    ListIdTokens,
    TokenStatus,
)
from csms_shared.db.cursors import (
    as_text,
    decode_cursor,
    encode_cursor,
)
from csms_shared.values.tenant_keys import key_in_tenant
from session_service.database.paging import PageRows, limited
from session_service.database.tenants import is_of
from session_service.tokens.tables import id_token


async def page_of_id_tokens(connection: AsyncConnection, query: ListIdTokens) -> PageRows:
    """Return id tokens in the order of their keys."""
    table = id_token.c
    statement = select(id_token).where(is_of(id_token, query.tenant_id)).order_by(table.key)
    passed = and_(table.status == "accepted", table.expires_at <= func.now())
    match query.status:
        case None:
            pass
        case TokenStatus.EXPIRED:
            statement = statement.where(or_(table.status == "expired", passed))
        case TokenStatus.ACCEPTED:
            statement = statement.where(
                table.status == "accepted",
                or_(table.expires_at.is_(None), table.expires_at > func.now()),
            )
        case status:
            statement = statement.where(table.status == status.value)
    if query.q:
        prefix = len(key_in_tenant(query.tenant_id, "-")) - 1
        own_key = func.substr(table.key, prefix + 1) if prefix else table.key
        statement = statement.where(
            or_(
                own_key.contains(query.q.casefold(), autoescape=True),
                func.lower(table.group_id).contains(query.q.lower(), autoescape=True),
            )
        )
    if query.cursor is not None:
        (key,) = decode_cursor(query.cursor, as_text)
        statement = statement.where(table.key > key)
    rows, more = await limited(connection, statement, query.limit)
    return rows, encode_cursor(rows[-1].key) if more else None
