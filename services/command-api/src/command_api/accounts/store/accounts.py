"""Users and API keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.accounts.domain.roles import Role
from command_api.accounts.tables import api_keys, users


@dataclass(frozen=True, slots=True)
class User:
    """A person who logs in."""

    username: str
    password_hash: str
    role: Role
    version: int
    token_id: UUID
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A machine's access; the key itself is known to its holder only."""

    id: UUID
    name: str
    role: Role
    created_by: str
    created_at: datetime


def _user(row: Any) -> User:
    return User(
        row.username,
        row.password_hash,
        Role(row.role),
        row.version,
        row.token_id,
        row.created_at,
        row.updated_at,
    )


def _api_key(row: Any) -> ApiKey:
    return ApiKey(row.id, row.name, Role(row.role), row.created_by, row.created_at)


async def get_user(connection: AsyncConnection, username: str) -> User | None:
    """Return one user."""
    row = (await connection.execute(select(users).where(users.c.username == username))).first()
    return None if row is None else _user(row)


async def get_users(connection: AsyncConnection, usernames: Sequence[str]) -> dict[str, User]:
    """Return those of the users that there are, by name."""
    named = users.c.username == func.any(list(usernames))
    rows = await connection.execute(select(users).where(named))
    return {row.username: _user(row) for row in rows}


async def list_users(connection: AsyncConnection, after: str, limit: int) -> list[User]:
    """Return users by name."""
    statement = (
        select(users).where(users.c.username > after).order_by(users.c.username).limit(limit)
    )
    return [_user(row) for row in await connection.execute(statement)]


async def create_user(
    connection: AsyncConnection, username: str, password_hash: str, role: Role
) -> User | None:
    """Create a user; None where the name is taken."""
    row = (
        await connection.execute(
            upsert(users)
            .values(username=username, password_hash=password_hash, role=role.value)
            .on_conflict_do_nothing()
            .returning(*users.c)
        )
    ).first()
    return None if row is None else _user(row)


async def change_user(
    connection: AsyncConnection, username: str, password_hash: str | None, role: Role | None
) -> User | None:
    """Change a user and end the tokens made before; None where there is no such user."""
    values: dict[str, Any] = {"version": users.c.version + 1, "updated_at": func.now()}
    if password_hash is not None:
        values["password_hash"] = password_hash
    if role is not None:
        values["role"] = role.value
    row = (
        await connection.execute(
            update(users).where(users.c.username == username).values(values).returning(*users.c)
        )
    ).first()
    return None if row is None else _user(row)


async def change_password(
    connection: AsyncConnection, user: User, password_hash: str
) -> int | None:
    """Change a user's password and return the user's new version; None where it is another's."""
    row = (
        await connection.execute(
            update(users)
            .where(
                users.c.username == user.username,
                users.c.version == user.version,
                users.c.token_id == user.token_id,
            )
            .values(password_hash=password_hash, version=user.version + 1, updated_at=func.now())
            .returning(users.c.version)
        )
    ).first()
    return None if row is None else int(row.version)


async def delete_user(connection: AsyncConnection, username: str) -> bool:
    """Delete a user; false where there is none."""
    result = await connection.execute(
        delete(users).where(users.c.username == username).returning(users.c.username)
    )
    return result.first() is not None


async def other_administrators(connection: AsyncConnection, username: str) -> bool:
    """Tell whether somebody else is an administrator; concurrent changes wait for this one."""
    await connection.execute(text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))
    row = await connection.execute(
        select(users.c.username)
        .where(users.c.role == Role.ADMIN.value, users.c.username != username)
        .limit(1)
    )
    return row.first() is not None


async def any_user(connection: AsyncConnection) -> bool:
    """Tell whether there is a user at all."""
    return (await connection.execute(select(users.c.username).limit(1))).first() is not None


async def create_api_key(
    connection: AsyncConnection,
    key_id: UUID,
    name: str,
    role: Role,
    key_hash: bytes,
    created_by: str,
) -> ApiKey | None:
    """Create an API key; None where the name is taken."""
    row = (
        await connection.execute(
            upsert(api_keys)
            .values(id=key_id, name=name, role=role.value, key_hash=key_hash, created_by=created_by)
            .on_conflict_do_nothing(index_elements=["name"])
            .returning(*api_keys.c)
        )
    ).first()
    return None if row is None else _api_key(row)


async def find_api_key(connection: AsyncConnection, key_hash: bytes) -> ApiKey | None:
    """Return the API key with this hash."""
    row = (
        await connection.execute(select(api_keys).where(api_keys.c.key_hash == key_hash))
    ).first()
    return None if row is None else _api_key(row)


async def list_api_keys(connection: AsyncConnection, after: str, limit: int) -> list[ApiKey]:
    """Return API keys by name."""
    statement = (
        select(api_keys).where(api_keys.c.name > after).order_by(api_keys.c.name).limit(limit)
    )
    return [_api_key(row) for row in await connection.execute(statement)]


async def delete_api_key(connection: AsyncConnection, key_id: UUID) -> bool:
    """Delete an API key; false where there is none."""
    result = await connection.execute(
        delete(api_keys).where(api_keys.c.id == key_id).returning(api_keys.c.id)
    )
    return result.first() is not None


async def create_first_user(connection: AsyncConnection, username: str, password_hash: str) -> None:
    """Create the first administrator, unless another replica was faster."""
    await connection.execute(text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))
    if not await any_user(connection):
        await connection.execute(
            insert(users).values(
                username=username, password_hash=password_hash, role=Role.ADMIN.value
            )
        )
