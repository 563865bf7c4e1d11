"""Users and API keys: those of a tenant for its administrators, any of them for whoever logs in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.accounts.domain.roles import Role
from command_api.accounts.tables import api_keys, users
from csms_shared.contracts.scopes import Scope
from csms_shared.values.tenant_keys import key_in_tenant, key_without_tenant


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
    tenant_id: str
    is_platform: bool
    scope: Scope | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A machine's access; the key itself is known to its holder only."""

    id: UUID
    name: str
    role: Role
    created_by: str
    created_at: datetime
    tenant_id: str
    is_platform: bool
    scope: Scope | None


def scope_of(row: Any) -> Scope | None:
    """Return to what the user or key in a row is limited; null: to nothing."""
    if row.scope_site_ids is None:
        return None
    return Scope.model_construct(site_ids=tuple(row.scope_site_ids), tags=tuple(row.scope_tags))


def is_platform_in(row: Any) -> bool:
    """Tell whether the user or key in a row acts for every tenant."""
    return row.is_platform and Role(row.role) is Role.ADMIN and row.scope_site_ids is None


def _scope_values(scope: Scope | None) -> dict[str, list[str] | None]:
    return {
        "scope_site_ids": None if scope is None else list(scope.site_ids),
        "scope_tags": None if scope is None else list(scope.tags),
    }


def _user(row: Any) -> User:
    return User(
        row.username,
        row.password_hash,
        Role(row.role),
        row.version,
        row.token_id,
        row.created_at,
        row.updated_at,
        row.tenant_id,
        is_platform_in(row),
        scope_of(row),
    )


def _api_key(row: Any) -> ApiKey:
    return ApiKey(
        row.id,
        key_without_tenant(row.name),
        Role(row.role),
        row.created_by,
        row.created_at,
        row.tenant_id,
        is_platform_in(row),
        scope_of(row),
    )


async def get_user(connection: AsyncConnection, tenant_id: str, username: str) -> User | None:
    """Return one user of a tenant."""
    row = (await connection.execute(select(users).where(*_named(tenant_id, username)))).first()
    return None if row is None else _user(row)


def _named(tenant_id: str, username: str) -> tuple[ColumnElement[bool], ...]:
    return users.c.tenant_id == tenant_id, users.c.username == username


async def get_users(connection: AsyncConnection, usernames: Sequence[str]) -> dict[str, User]:
    """Return those of the users that there are, by name, whosever they are."""
    named = users.c.username == func.any(list(usernames))
    rows = await connection.execute(select(users).where(named))
    return {row.username: _user(row) for row in rows}


async def list_users(
    connection: AsyncConnection, tenant_id: str, after: str, limit: int
) -> list[User]:
    """Return users of a tenant by name."""
    statement = (
        select(users)
        .where(users.c.tenant_id == tenant_id, users.c.username > after)
        .order_by(users.c.username)
        .limit(limit)
    )
    return [_user(row) for row in await connection.execute(statement)]


async def create_user(
    connection: AsyncConnection,
    tenant_id: str,
    username: str,
    password_hash: str,
    role: Role,
    *,
    is_platform: bool,
    scope: Scope | None,
) -> User | None:
    """Create a user; None where the name is taken, by whatever tenant."""
    row = (
        await connection.execute(
            upsert(users)
            .values(
                tenant_id=tenant_id,
                username=username,
                password_hash=password_hash,
                role=role.value,
                is_platform=is_platform,
                **_scope_values(scope),
            )
            .on_conflict_do_nothing()
            .returning(*users.c)
        )
    ).first()
    return None if row is None else _user(row)


async def change_user(
    connection: AsyncConnection,
    user: User,
    password_hash: str | None,
    role: Role | None,
    *,
    is_platform: bool,
    scope: Scope | None,
) -> User | None:
    """Change a user and end the tokens made before; None where there is no such user any more."""
    values: dict[str, Any] = {
        "version": users.c.version + 1,
        "updated_at": func.now(),
        "is_platform": is_platform,
        **_scope_values(scope),
    }
    if password_hash is not None:
        values["password_hash"] = password_hash
    if role is not None:
        values["role"] = role.value
    row = (
        await connection.execute(
            update(users)
            .where(*_named(user.tenant_id, user.username))
            .values(values)
            .returning(*users.c)
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
                *_named(user.tenant_id, user.username),
                users.c.version == user.version,
                users.c.token_id == user.token_id,
            )
            .values(password_hash=password_hash, version=user.version + 1, updated_at=func.now())
            .returning(users.c.version)
        )
    ).first()
    return None if row is None else int(row.version)


async def delete_user(connection: AsyncConnection, tenant_id: str, username: str) -> bool:
    """Delete a user of a tenant; false where there is none."""
    result = await connection.execute(
        delete(users).where(*_named(tenant_id, username)).returning(users.c.username)
    )
    return result.first() is not None


async def hold_administrators(connection: AsyncConnection) -> None:
    """Have whoever changes users at the same time wait for this transaction."""
    await connection.execute(text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))


async def other_administrators(connection: AsyncConnection, user: User) -> bool:
    """Tell whether somebody else is an administrator as this user is: of the tenant, or of all.

    One who is limited does not count.
    """
    row = await connection.execute(
        select(users.c.username)
        .where(
            users.c.tenant_id == user.tenant_id,
            users.c.role == Role.ADMIN.value,
            users.c.username != user.username,
            users.c.scope_site_ids.is_(None),
            *((users.c.is_platform,) if user.is_platform else ()),
        )
        .limit(1)
    )
    return row.first() is not None


async def any_user(connection: AsyncConnection) -> bool:
    """Tell whether there is a user at all."""
    return (await connection.execute(select(users.c.username).limit(1))).first() is not None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """An API key to create."""

    tenant_id: str
    name: str
    role: Role
    key_hash: bytes
    created_by: str
    is_platform: bool
    scope: Scope | None


async def create_api_key(
    connection: AsyncConnection, key_id: UUID, new: NewApiKey
) -> ApiKey | None:
    """Create an API key; None where the tenant has one of this name."""
    row = (
        await connection.execute(
            upsert(api_keys)
            .values(
                id=key_id,
                tenant_id=new.tenant_id,
                name=key_in_tenant(new.tenant_id, new.name),
                role=new.role.value,
                key_hash=new.key_hash,
                created_by=new.created_by,
                is_platform=new.is_platform,
                **_scope_values(new.scope),
            )
            .on_conflict_do_nothing(index_elements=["name"])
            .returning(*api_keys.c)
        )
    ).first()
    return None if row is None else _api_key(row)


async def find_api_key(connection: AsyncConnection, key_hash: bytes) -> ApiKey | None:
    """Return the API key with this hash, whosever it is."""
    row = (
        await connection.execute(select(api_keys).where(api_keys.c.key_hash == key_hash))
    ).first()
    return None if row is None else _api_key(row)


async def list_api_keys(
    connection: AsyncConnection, tenant_id: str, after: str, limit: int
) -> list[ApiKey]:
    """Return API keys of a tenant by name."""
    statement = (
        select(api_keys)
        .where(api_keys.c.tenant_id == tenant_id, api_keys.c.name > key_in_tenant(tenant_id, after))
        .order_by(api_keys.c.name)
        .limit(limit)
    )
    return [_api_key(row) for row in await connection.execute(statement)]


async def lock_api_key(connection: AsyncConnection, tenant_id: str, key_id: UUID) -> ApiKey | None:
    """Return an API key of a tenant, which nobody else changes meanwhile."""
    statement = select(api_keys).where(api_keys.c.tenant_id == tenant_id, api_keys.c.id == key_id)
    row = (await connection.execute(statement.with_for_update())).first()
    return None if row is None else _api_key(row)


async def delete_api_key(connection: AsyncConnection, key: ApiKey) -> None:
    """Delete an API key."""
    await connection.execute(
        delete(api_keys).where(api_keys.c.tenant_id == key.tenant_id, api_keys.c.id == key.id)
    )


async def create_first_user(connection: AsyncConnection, username: str, password_hash: str) -> None:
    """Create the first administrator, who is the platform's, unless a replica was faster."""
    await hold_administrators(connection)
    if not await any_user(connection):
        await connection.execute(
            insert(users).values(
                username=username,
                password_hash=password_hash,
                role=Role.ADMIN.value,
                is_platform=True,
            )
        )
