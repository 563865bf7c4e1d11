"""Sessions of users: what was given out at each log-in, and counts until it ends."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.accounts.domain.roles import Role
from command_api.accounts.store.accounts import User, is_platform_in, scope_of
from command_api.accounts.tables import user_session, users
from csms_shared.contracts.scopes import Scope

# So many of a user count at once: beyond, the oldest ends with a log-in.
SESSIONS_OF_USER = 1_000
# How old the noted use of a session may be.
SEEN_EVERY_S = 300

# The user's row is held until the end: who is deleted meanwhile gets no session.
_OPEN = text(
    """
    INSERT INTO user_session
        (id, tenant_id, username, user_version, expires_at, address, user_agent)
    SELECT :id, tenant_id, username, version, now() + make_interval(secs => :seconds), :address,
        :user_agent
    FROM users WHERE username = :username AND version = :version AND token_id = :token_id
    FOR KEY SHARE
    RETURNING id
    """
)
_END_OLDEST = text(
    """
    DELETE FROM user_session WHERE id = ANY(ARRAY(
        SELECT id FROM user_session WHERE username = :username
        ORDER BY created_at DESC OFFSET :kept LIMIT 1000))
    """
)
_HOLDER = text(
    f"""
    WITH seen AS (
        UPDATE user_session SET seen_at = now(), address = :address
        WHERE id = :id AND (address <> :address
            OR seen_at < now() - make_interval(secs => {SEEN_EVERY_S})))
    SELECT users.role, users.tenant_id, users.is_platform, users.scope_site_ids,
        users.scope_tags FROM user_session
    JOIN users ON users.username = user_session.username AND users.version = user_version
    WHERE user_session.id = :id AND users.username = :username AND expires_at > now()
    """  # noqa: S608 - a constant
)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that begins: where from, by what, for how long."""

    id: UUID
    seconds: int
    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Session:
    """A session that counts; `address` is where its token was used last."""

    id: UUID
    created_at: datetime
    expires_at: datetime
    seen_at: datetime
    address: str
    user_agent: str


async def open_session(connection: AsyncConnection, user: User, session: NewSession) -> bool:
    """Note a session; false where the user has changed meanwhile."""
    opened = await connection.execute(
        _OPEN,
        {
            "id": session.id,
            "seconds": session.seconds,
            "address": session.address,
            "user_agent": session.user_agent,
            "username": user.username,
            "version": user.version,
            "token_id": user.token_id,
        },
    )
    if opened.first() is None:
        return False
    await connection.execute(_END_OLDEST, {"username": user.username, "kept": SESSIONS_OF_USER})
    return True


@dataclass(frozen=True, slots=True)
class Holder:
    """What the user of a session is."""

    role: Role
    tenant_id: str
    is_platform: bool
    scope: Scope | None


async def find_holder(
    connection: AsyncConnection, username: str, session_id: UUID, address: str
) -> Holder | None:
    """Return what the user is whose session counts, in one statement; its use is noted."""
    row = (
        await connection.execute(
            _HOLDER, {"id": session_id, "username": username, "address": address}
        )
    ).first()
    if row is None:
        return None
    return Holder(Role(row.role), row.tenant_id, is_platform_in(row), scope_of(row))


async def list_sessions(
    connection: AsyncConnection, user: User, before: tuple[datetime, UUID] | None, limit: int
) -> list[Session]:
    """Return the sessions of a user that count, newest first."""
    order = (user_session.c.created_at, user_session.c.id)
    statement = (
        select(user_session)
        .where(
            *_of(user.tenant_id, user.username),
            user_session.c.user_version == user.version,
            user_session.c.expires_at > func.now(),
            *(() if before is None else (tuple_(*order) < tuple_(*before),)),
        )
        .order_by(*(column.desc() for column in order))
        .limit(limit)
    )
    return [_session(row) for row in await connection.execute(statement)]


def _session(row: Any) -> Session:
    return Session(row.id, row.created_at, row.expires_at, row.seen_at, row.address, row.user_agent)


def _of(tenant_id: str, username: str) -> tuple[ColumnElement[bool], ...]:
    return user_session.c.tenant_id == tenant_id, user_session.c.username == username


async def end_session(
    connection: AsyncConnection, tenant_id: str, username: str, session_id: UUID
) -> bool:
    """End one session; false where it has ended, or is another's."""
    ended = await connection.execute(
        delete(user_session)
        .where(user_session.c.id == session_id, *_of(tenant_id, username))
        .returning(user_session.c.id)
    )
    return ended.first() is not None


async def end_sessions(connection: AsyncConnection, tenant_id: str, username: str) -> bool:
    """End a user's sessions; false where there is no such user.

    Also tokens without a session, which releases before sessions gave out: by the user's version.
    """
    changed = await connection.execute(
        update(users)
        .where(users.c.tenant_id == tenant_id, users.c.username == username)
        .values(version=users.c.version + 1)
        .returning(users.c.version)
    )
    row = changed.first()
    if row is None:
        return False
    await keep_session(connection, tenant_id, username, None, row.version)
    return True


async def keep_session(
    connection: AsyncConnection,
    tenant_id: str,
    username: str,
    session_id: UUID | None,
    version: int,
) -> None:
    """Forget a user's sessions of before this version; one goes on in it."""
    await connection.execute(
        update(user_session)
        .where(user_session.c.id == session_id, *_of(tenant_id, username))
        .values(user_version=version)
    )
    await connection.execute(
        delete(user_session).where(*_of(tenant_id, username), user_session.c.user_version < version)
    )
