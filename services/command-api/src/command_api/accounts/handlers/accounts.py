"""Users and API keys, as administrators handle them."""

import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.accounts.domain.roles import Principal, Role
from command_api.accounts.handlers.logins import Logins, api_key_hash
from command_api.accounts.handlers.passwords import Passwords
from command_api.accounts.store import accounts
from command_api.accounts.store.sessions import keep_session
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.contracts.scopes import Scope
from csms_shared.db.cursors import as_text, decode_cursor, encode_cursor
from csms_shared.db.engine import in_transaction
from csms_shared.values.tenants import DEFAULT_TENANT
from csms_shared.values.times import format_time

KEY_PREFIX = "csms_"


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What becomes of a user; None: that stays. `scope` counts where `sets_scope`."""

    password: str | None
    role: Role | None
    platform: bool | None
    scope: Scope | None
    sets_scope: bool

    @property
    def changes_anything(self) -> bool:
        """Whether something is given."""
        return self.sets_scope or any(
            given is not None for given in (self.password, self.role, self.platform)
        )


class Accounts:
    """Creates, changes and deletes users and API keys of the tenant for which somebody asks.

    There is always an administrator of a tenant that has had one, and one of the platform.
    """

    def __init__(self, engine: AsyncEngine, passwords: Passwords, logins: Logins) -> None:
        self._engine = engine
        self._passwords = passwords
        self._logins = logins

    async def list_users(self, tenant_id: str, limit: int, cursor: str | None) -> dict[str, Any]:
        """Return a page of users by name."""
        after = _after(cursor)
        found = await in_transaction(
            self._engine,
            lambda connection: accounts.list_users(connection, tenant_id, after, limit + 1),
        )
        return _page([_user_view(user) for user in found], limit, "username")

    async def get_user(self, tenant_id: str, username: str) -> dict[str, Any]:
        """Return one user."""
        user = await in_transaction(
            self._engine, lambda connection: accounts.get_user(connection, tenant_id, username)
        )
        if user is None:
            raise no_user(username)
        return _user_view(user)

    async def create_user(
        self,
        username: str,
        password: str,
        role: Role,
        creator: Principal,
        *,
        platform: bool,
        scope: Scope | None,
    ) -> dict[str, Any]:
        """Create a user."""
        _require_platform(creator, role, wanted=platform)
        _require_unlimited(scope, is_platform=platform)
        password_hash = await self._passwords.hash(password)
        user = await in_transaction(
            self._engine,
            lambda connection: accounts.create_user(
                connection,
                creator.acts_for,
                username,
                password_hash,
                role,
                is_platform=platform,
                scope=scope,
            ),
        )
        if user is None:
            raise refuse(
                409, "user_exists", f"there is a user {username}", ("username", "is taken")
            )
        return _user_view(user)

    async def change_user(
        self, username: str, change: AccountChange, asking: Principal
    ) -> dict[str, Any]:
        """Change password, role, reach or scope; tokens made before end."""
        password, platform = change.password, change.platform
        password_hash = None if password is None else await self._passwords.hash(password)

        async def work(connection: AsyncConnection) -> accounts.User:
            user = await _to_change(connection, asking, username)
            becomes = user.role if change.role is None else change.role
            scope = change.scope if change.sets_scope else user.scope
            is_platform = becomes is Role.ADMIN and user.is_platform
            if platform is not None:
                _require_platform(asking, becomes, wanted=platform or user.is_platform)
                is_platform = platform
            _require_unlimited(scope, is_platform=is_platform)
            is_less = is_platform < user.is_platform or scope is not None
            if becomes is not Role.ADMIN or is_less:
                await _keep_an_administrator(connection, user)
            changed = await accounts.change_user(
                connection,
                user,
                password_hash,
                change.role,
                is_platform=is_platform,
                scope=scope,
            )
            if changed is None:
                raise no_user(username)
            await keep_session(connection, user.tenant_id, username, None, changed.version)
            return changed

        changed = await in_transaction(self._engine, work)
        await self._logins.account_changed()
        return _user_view(changed)

    async def delete_user(self, username: str, asking: Principal) -> None:
        """Delete a user."""

        async def work(connection: AsyncConnection) -> None:
            user = await _to_change(connection, asking, username)
            await _keep_an_administrator(connection, user)
            await accounts.delete_user(connection, user.tenant_id, username)

        await in_transaction(self._engine, work)
        await self._logins.account_changed()

    async def list_api_keys(self, tenant_id: str, limit: int, cursor: str | None) -> dict[str, Any]:
        """Return a page of API keys by name."""
        after = _after(cursor)
        found = await in_transaction(
            self._engine,
            lambda connection: accounts.list_api_keys(connection, tenant_id, after, limit + 1),
        )
        return _page([_key_view(key) for key in found], limit, "name")

    async def create_api_key(
        self,
        name: str,
        role: Role,
        creator: Principal,
        *,
        platform: bool,
        scope: Scope | None,
    ) -> dict[str, Any]:
        """Create an API key and return it with the key itself, this once."""
        _require_platform(creator, role, wanted=platform)
        _require_unlimited(scope, is_platform=platform)
        secret = KEY_PREFIX + secrets.token_urlsafe(32)
        new = accounts.NewApiKey(
            creator.acts_for, name, role, api_key_hash(secret), creator.name, platform, scope
        )
        key = await in_transaction(
            self._engine,
            lambda connection: accounts.create_api_key(connection, uuid.uuid4(), new),
        )
        if key is None:
            raise refuse(409, "api_key_exists", f"there is an API key {name}", ("name", "is taken"))
        return {**_key_view(key), "key": secret}

    async def delete_api_key(self, key_id: str, asking: Principal) -> None:
        """Delete an API key."""
        try:
            parsed = uuid.UUID(key_id)
        except ValueError:
            raise _no_key(key_id) from None

        async def work(connection: AsyncConnection) -> None:
            key = await accounts.lock_api_key(connection, asking.acts_for, parsed)
            if key is None:
                raise _no_key(key_id)
            _protect(asking, is_platform=key.is_platform)
            await accounts.delete_api_key(connection, key)

        await in_transaction(self._engine, work)
        await self._logins.account_changed()


def _require_platform(asking: Principal, role: Role, *, wanted: bool) -> None:
    """Look whether somebody may make a platform administrator, or end one, and of what."""
    if not wanted:
        return
    _protect(asking, is_platform=True)
    if role is not Role.ADMIN or asking.acts_for != DEFAULT_TENANT:
        detail = f"a platform administrator has the role admin, and is of {DEFAULT_TENANT}"
        raise refuse(409, "no_platform_administrator", detail, ("platform", "must be false here"))


def _require_unlimited(scope: Scope | None, *, is_platform: bool) -> None:
    """Look whether whoever acts for every tenant is limited to nothing of one."""
    if is_platform and scope is not None:
        detail = "a platform administrator has no scope"
        raise refuse(409, "no_platform_administrator", detail, ("scope", "must be null here"))


def _protect(asking: Principal, *, is_platform: bool) -> None:
    """Keep what acts for every tenant out of the hands of a tenant's administrators."""
    if is_platform and not asking.is_platform:
        raise refuse(403, "forbidden", "this needs a platform administrator")


async def _to_change(
    connection: AsyncConnection, asking: Principal, username: str
) -> accounts.User:
    """Return a user whom nobody else changes meanwhile."""
    await accounts.hold_administrators(connection)
    user = await accounts.get_user(connection, asking.acts_for, username)
    if user is None:
        raise no_user(username)
    _protect(asking, is_platform=user.is_platform)
    return user


async def _keep_an_administrator(connection: AsyncConnection, user: accounts.User) -> None:
    counts = user.role is Role.ADMIN and user.scope is None
    if counts and not await accounts.other_administrators(connection, user):
        raise refuse(409, "last_administrator", f"{user.username} is the last administrator")


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


def _scope_view(scope: Scope | None) -> dict[str, Any] | None:
    return None if scope is None else scope.model_dump(mode="json")


def _user_view(user: accounts.User) -> dict[str, Any]:
    return {
        "username": user.username,
        "role": user.role.value,
        "tenant_id": user.tenant_id,
        "platform": user.is_platform,
        "scope": _scope_view(user.scope),
        "created_at": format_time(user.created_at),
        "updated_at": format_time(user.updated_at),
    }


def _key_view(key: accounts.ApiKey) -> dict[str, Any]:
    return {
        "id": str(key.id),
        "name": key.name,
        "role": key.role.value,
        "tenant_id": key.tenant_id,
        "platform": key.is_platform,
        "scope": _scope_view(key.scope),
        "created_by": key.created_by,
        "created_at": format_time(key.created_at),
    }
