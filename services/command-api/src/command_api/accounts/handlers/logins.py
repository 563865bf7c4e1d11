"""Log-in, and who is behind a token or an API key."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import jwt
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.accounts.domain.login_limits import LoginLimits
from command_api.accounts.domain.roles import Principal, user_principal
from command_api.accounts.handlers.passwords import Passwords, TooManyLogins
from command_api.accounts.store.accounts import (
    User,
    any_user,
    create_first_user,
    find_api_key,
    get_users,
)
from command_api.accounts.store.sessions import Holder, NewSession, find_holder, open_session
from command_api.concurrency.gathering import Gathering
from command_api.concurrency.limiters import LimiterByName, TooManyOfName
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.clock import monotonic, now_ms

TOKEN_SECONDS = 28_800
ADMINISTRATOR = "admin"
_ALGORITHM = "HS256"
_ISSUER = "csms"
# How long an ended session, a changed role or a deleted key may go on counting at a replica that
# gets no word of it.
_REMEMBER_S = 5.0
_REMEMBER_MAX = 10_000
_TOKEN_MAX_LENGTH = 4_096
_WAITING_OF_NAME = 20
_USER_AGENT_MAX = 255


class WrongCredentials(Exception):
    """User name or password is wrong."""


class TooManyFailures(Exception):
    """No password is checked for the next `retry_after_s` seconds, for this name from there."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("too many wrong passwords")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a new session, and whose it is."""

    access_token: str
    expires_in: int
    expires_ms: int
    user: User


class Logins:
    """Logs users in and recognises who asks, from memory for a few seconds.

    By the service's own role: for whom somebody acts is not known before.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        passwords: Passwords,
        secret: str,
        limits: LoginLimits,
        tell_replicas: Callable[[], Awaitable[None]],
    ) -> None:
        self._engine = engine
        self._passwords = passwords
        self._secret = secret
        self._limits = limits
        self._tell_replicas = tell_replicas
        # One at a time of a name: what the one before has failed counts for the next.
        self._limiter = LimiterByName(_WAITING_OF_NAME)
        # Guesses at however many names take one connection of the database.
        self.look_ups: Gathering[str, User | None] = Gathering(self._look_up, max_items=500)
        self._recognised: dict[str, tuple[Principal, float]] = {}
        self._changes = 0

    async def log_in(self, username: str, password: str, address: str, user_agent: str) -> Token:
        """Return a token of a new session.

        Raises:
            WrongCredentials: there is no such user, or the password is another.
            TooManyFailures: there were too many wrong passwords; this one was not looked at.
            TooManyLogins: too many log-ins of this user wait.
        """
        user = await self.check_password(username, password, address)
        session = NewSession(uuid4(), TOKEN_SECONDS, address, _readable(user_agent))
        if not await in_transaction(
            self._engine, lambda connection: open_session(connection, user, session)
        ):
            raise WrongCredentials
        return self._token(user, session.id)

    async def check_password(self, username: str, password: str, address: str) -> User:
        """Return the user whose password this is.

        Raises:
            WrongCredentials: there is no such user, or the password is another.
            TooManyFailures: there were too many wrong passwords; this one was not looked at.
            TooManyLogins: too many log-ins of this user wait.
        """
        self._refuse_too_soon(address, username)
        try:
            async with self._limiter.slot(username):
                return await self._checked(username, password, address)
        except TooManyOfName as error:
            raise TooManyLogins from error

    def _refuse_too_soon(self, address: str, username: str) -> None:
        wait_s = self._limits.wait_s(address, username, monotonic())
        if wait_s > 0:
            raise TooManyFailures(wait_s)

    async def _checked(self, username: str, password: str, address: str) -> User:
        self._refuse_too_soon(address, username)
        user = await self.look_ups.submit(username)
        right = await self._passwords.matches(
            user.password_hash if user else None,
            password,
            self._limits.failures(address, username, monotonic()),
        )
        if user is None or not right:
            self._limits.failed(address, username, monotonic(), known=user is not None)
            raise WrongCredentials
        self._limits.succeeded(address, username)
        return user

    async def _look_up(self, usernames: Sequence[str]) -> list[User | None]:
        found = await in_transaction(
            self._engine, lambda connection: get_users(connection, usernames)
        )
        return [found.get(username) for username in usernames]

    def _token(self, user: User, session_id: UUID) -> Token:
        now_s = now_ms() // 1000
        claims = {
            "iss": _ISSUER,
            "sub": user.username,
            "ver": user.version,
            "tid": str(user.token_id),
            "sid": str(session_id),
            "iat": now_s,
            "exp": now_s + TOKEN_SECONDS,
        }
        encoded = jwt.encode(claims, self._secret, algorithm=_ALGORITHM)
        return Token(encoded, TOKEN_SECONDS, (now_s + TOKEN_SECONDS) * 1000, user)

    async def by_token(
        self, token: str, address: str, *, from_memory: bool = True
    ) -> Principal | None:
        """Return who holds the token, None where it is not valid (any more)."""
        remembered = self._remembered(f"t{token}") if from_memory else None
        if remembered is not None:
            return remembered
        claims = self._claims(token)
        if claims is None:
            return None
        changes = self._changes
        principal = await in_transaction(
            self._engine, lambda connection: _holder(connection, claims, address)
        )
        if principal is None:
            return None
        until = min(_REMEMBER_S, claims["exp"] - now_ms() / 1000)
        return self._remember(f"t{token}", principal, until, changes)

    async def by_api_key(self, key: str, *, from_memory: bool = True) -> Principal | None:
        """Return who holds the API key."""
        remembered = self._remembered(f"k{key}") if from_memory else None
        if remembered is not None:
            return remembered
        changes = self._changes
        found = await in_transaction(
            self._engine, lambda connection: find_api_key(connection, api_key_hash(key))
        )
        if found is None:
            return None
        principal = Principal(
            f"api-key:{found.id}",
            f"api-key:{found.name}",
            found.role,
            tenant_id=found.tenant_id,
            acts_for=found.tenant_id,
            is_platform=found.is_platform,
            scope=found.scope,
        )
        return self._remember(f"k{key}", principal, _REMEMBER_S, changes)

    async def account_changed(self) -> None:
        """Recognise nobody from memory, here and at the other replicas."""
        self.forget()
        await self._tell_replicas()

    def forget(self) -> None:
        """Recognise nobody from memory: an account has just changed somewhere."""
        self._changes += 1
        self._recognised.clear()

    async def ensure_administrator(self, password: str | None) -> bool:
        """Make the first administrator where there is no user; false when that lacks a password.

        Users that exist are left as they are.
        """
        if await in_transaction(self._engine, any_user):
            return True
        if password is None:
            return False
        password_hash = await self._passwords.hash(password)
        await in_transaction(
            self._engine,
            lambda connection: create_first_user(connection, ADMINISTRATOR, password_hash),
        )
        return True

    def _claims(self, token: str) -> dict[str, Any] | None:
        if len(token) > _TOKEN_MAX_LENGTH:
            return None
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                options={"require": ["sub", "exp", "iss"]},
            )
        except jwt.InvalidTokenError:
            return None
        return claims

    def _remembered(self, proof: str) -> Principal | None:
        found = self._recognised.get(proof)
        if found is None or found[1] < monotonic():
            return None
        return found[0]

    def _remember(
        self, proof: str, principal: Principal, seconds: float, changes: int
    ) -> Principal:
        if changes != self._changes:
            # Read before an account has changed: it counts for the one request.
            return principal
        if len(self._recognised) >= _REMEMBER_MAX:
            self._recognised.clear()
        self._recognised[proof] = (principal, monotonic() + seconds)
        return principal


async def _holder(
    connection: AsyncConnection, claims: dict[str, Any], address: str
) -> Principal | None:
    username = claims["sub"]
    if "sid" in claims:
        session_id = UUID(claims["sid"])
        holder = await find_holder(connection, username, session_id, address)
        return None if holder is None else _principal(username, holder, session_id)
    # Given out by a release before sessions.
    user = (await get_users(connection, [username])).get(username)
    if user is None or (claims.get("ver"), claims.get("tid")) != (user.version, str(user.token_id)):
        return None
    return _principal(
        username, Holder(user.role, user.tenant_id, user.is_platform, user.scope), None
    )


def _principal(username: str, holder: Holder, session_id: UUID | None) -> Principal:
    return Principal(
        user_principal(username),
        username,
        holder.role,
        session_id,
        tenant_id=holder.tenant_id,
        acts_for=holder.tenant_id,
        is_platform=holder.is_platform,
        scope=holder.scope,
    )


def _readable(user_agent: str) -> str:
    shown = user_agent[:_USER_AGENT_MAX]
    return "".join(character if character.isprintable() else "?" for character in shown)


def api_key_hash(key: str) -> bytes:
    """Return what is stored of an API key: it is 256 random bits, so a fast hash will do."""
    return hashlib.sha256(key.encode()).digest()
