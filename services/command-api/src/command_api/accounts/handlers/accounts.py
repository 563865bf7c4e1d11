"""Users and API keys, as administrators handle them."""

import secrets
import uuid
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.accounts.domain.roles import Principal, Role
from command_api.accounts.handlers.logins import Logins, api_key_hash
from command_api.accounts.handlers.passwords import Passwords
from command_api.accounts.store import accounts
from command_api.accounts.store.sessions import keep_session
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.db.cursors import as_text, decode_cursor, encode_cursor
from csms_shared.db.engine import in_transaction
from csms_shared.values.times import format_time

KEY_PREFIX = "csms_"


class Accounts:
    """Creates, changes and deletes users and API keys; there is always an administrator."""

    def __init__(self, engine: AsyncEngine, passwords: Passwords, logins: Logins) -> None:
        self._engine = engine
        self._passwords = passwords
        self._logins = logins

    async def list_users(self, limit: int, cursor: str | None) -> dict[str, Any]:
        """Return a page of users by name."""
        after = _after(cursor)
        found = await in_transaction(
            self._engine, lambda connection: accounts.list_users(connection, after, limit + 1)
        )
        return _page([_user_view(user) for user in found], limit, "username")

    async def get_user(self, username: str) -> dict[str, Any]:
        """Return one user."""
        user = await in_transaction(
            self._engine, lambda connection: accounts.get_user(connection, username)
        )
        if user is None:
            raise no_user(username)
        return _user_view(user)

    async def create_user(self, username: str, password: str, role: Role) -> dict[str, Any]:
        """Create a user."""
        password_hash = await self._passwords.hash(password)
        user = await in_transaction(
            self._engine,
            lambda connection: accounts.create_user(connection, username, password_hash, role),
        )
        if user is None:
            raise refuse(
                409, "user_exists", f"there is a user {username}", ("username", "is taken")
            )
        return _user_view(user)

    async def change_user(
        self, username: str, password: str | None, role: Role | None
    ) -> dict[str, Any]:
        """Change password or role; tokens made before end."""
        password_hash = None if password is None else await self._passwords.hash(password)

        async def work(connection: AsyncConnection) -> accounts.User | None:
            if role not in (None, Role.ADMIN):
                await _keep_an_administrator(connection, username)
            changed = await accounts.change_user(connection, username, password_hash, role)
            if changed is not None:
                await keep_session(connection, username, None, changed.version)
            return changed

        user = await in_transaction(self._engine, work)
        if user is None:
            raise no_user(username)
        await self._logins.account_changed()
        return _user_view(user)

    async def delete_user(self, username: str) -> None:
        """Delete a user."""

        async def work(connection: AsyncConnection) -> bool:
            await _keep_an_administrator(connection, username)
            return await accounts.delete_user(connection, username)

        if not await in_transaction(self._engine, work):
            raise no_user(username)
        await self._logins.account_changed()

    async def list_api_keys(self, limit: int, cursor: str | None) -> dict[str, Any]:
        """Return a page of API keys by name."""
        after = _after(cursor)
        found = await in_transaction(
            self._engine, lambda connection: accounts.list_api_keys(connection, after, limit + 1)
        )
        return _page([_key_view(key) for key in found], limit, "name")

    async def create_api_key(self, name: str, role: Role, creator: Principal) -> dict[str, Any]:
        """Create an API key and return it with the key itself, this once."""
        secret = KEY_PREFIX + secrets.token_urlsafe(32)
        key = await in_transaction(
            self._engine,
            lambda connection: accounts.create_api_key(
                connection, uuid.uuid4(), name, role, api_key_hash(secret), creator.name
            ),
        )
        if key is None:
            raise refuse(409, "api_key_exists", f"there is an API key {name}", ("name", "is taken"))
        return {**_key_view(key), "key": secret}

    async def delete_api_key(self, key_id: str) -> None:
        """Delete an API key."""
        try:
            parsed = uuid.UUID(key_id)
        except ValueError:
            raise _no_key(key_id) from None
        if not await in_transaction(
            self._engine, lambda connection: accounts.delete_api_key(connection, parsed)
        ):
            raise _no_key(key_id)
        await self._logins.account_changed()


async def _keep_an_administrator(connection: AsyncConnection, username: str) -> None:
    if await accounts.other_administrators(connection, username):
        return
    user = await accounts.get_user(connection, username)
    if user is not None and user.role is Role.ADMIN:
        raise refuse(409, "last_administrator", f"{username} is the last administrator")


def _after(cursor: str | None) -> str:
    return "" if cursor is None else str(decode_cursor(cursor, as_text)[0])


def _page(views: list[dict[str, Any]], limit: int, key: str) -> dict[str, Any]:
    shown = views[:limit]
    more = len(views) > limit
    return {"items": shown, "next_cursor": encode_cursor(shown[-1][key]) if more else None}


def no_user(username: str) -> ProblemRaised:
    """Return the refusal of what needs such a user."""
    return refuse(404, "not_found", f"there is no user {username}")


def _no_key(key_id: str) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no API key {key_id}")


def _user_view(user: accounts.User) -> dict[str, Any]:
    return {
        "username": user.username,
        "role": user.role.value,
        "created_at": format_time(user.created_at),
        "updated_at": format_time(user.updated_at),
    }


def _key_view(key: accounts.ApiKey) -> dict[str, Any]:
    return {
        "id": str(key.id),
        "name": key.name,
        "role": key.role.value,
        "created_by": key.created_by,
        "created_at": format_time(key.created_at),
    }
