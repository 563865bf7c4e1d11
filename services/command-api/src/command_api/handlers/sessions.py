"""Log-in, and who is behind a token or an API key."""

import hashlib
from dataclasses import dataclass
from typing import Any

import jwt
from sqlalchemy.ext.asyncio import AsyncEngine

from command_api.domain.login_limits import LoginLimits
from command_api.domain.roles import Principal
from command_api.handlers.passwords import Passwords
from command_api.store.accounts import any_user, create_first_user, find_api_key, get_user
from csms_shared.clock import monotonic, now_ms
from csms_shared.db.engine import in_transaction

TOKEN_SECONDS = 28_800
ADMINISTRATOR = "admin"
_ALGORITHM = "HS256"
_ISSUER = "csms"
# How long a deleted user, a changed role or a deleted key may go on counting.
_REMEMBER_S = 5.0
_REMEMBER_MAX = 10_000
_TOKEN_MAX_LENGTH = 4_096


class WrongCredentials(Exception):
    """User name or password is wrong; `retry_after_s` is set where there were too many tries."""

    def __init__(self, retry_after_s: float | None) -> None:
        super().__init__("wrong user name or password")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token."""

    access_token: str
    expires_in: int


class Sessions:
    """Logs users in and recognises who asks, from memory for a few seconds."""

    def __init__(self, engine: AsyncEngine, passwords: Passwords, secret: str) -> None:
        self._engine = engine
        self._passwords = passwords
        self._secret = secret
        self._limits = LoginLimits()
        self._recognised: dict[str, tuple[Principal, float]] = {}

    async def log_in(self, username: str, password: str, address: str) -> Token:
        """Return a token.

        Raises:
            WrongCredentials: also when right ones would have been accepted despite the limit.
        """
        user = await in_transaction(self._engine, lambda connection: get_user(connection, username))
        right = await self._passwords.matches(user.password_hash if user else None, password)
        if user is None or not right:
            raise WrongCredentials(self._limits.failed(address, username, monotonic()))
        self._limits.succeeded(address, username)
        now_s = now_ms() // 1000
        claims = {
            "iss": _ISSUER,
            "sub": user.username,
            "ver": user.version,
            "iat": now_s,
            "exp": now_s + TOKEN_SECONDS,
        }
        return Token(jwt.encode(claims, self._secret, algorithm=_ALGORITHM), TOKEN_SECONDS)

    async def by_token(self, token: str) -> Principal | None:
        """Return who holds the token, None where it is not valid (any more)."""
        remembered = self._remembered(f"t{token}")
        if remembered is not None:
            return remembered
        claims = self._claims(token)
        if claims is None:
            return None
        user = await in_transaction(
            self._engine, lambda connection: get_user(connection, claims["sub"])
        )
        if user is None or user.version != claims.get("ver"):
            return None
        principal = Principal(f"user:{user.username}", user.username, user.role)
        until = min(_REMEMBER_S, claims["exp"] - now_ms() / 1000)
        return self._remember(f"t{token}", principal, until)

    async def by_api_key(self, key: str) -> Principal | None:
        """Return who holds the API key."""
        remembered = self._remembered(f"k{key}")
        if remembered is not None:
            return remembered
        found = await in_transaction(
            self._engine, lambda connection: find_api_key(connection, api_key_hash(key))
        )
        if found is None:
            return None
        principal = Principal(f"api-key:{found.id}", f"api-key:{found.name}", found.role)
        return self._remember(f"k{key}", principal, _REMEMBER_S)

    def forget(self) -> None:
        """Recognise nobody from memory: an account has just changed here."""
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

    def _remember(self, proof: str, principal: Principal, seconds: float) -> Principal:
        if len(self._recognised) >= _REMEMBER_MAX:
            self._recognised.clear()
        self._recognised[proof] = (principal, monotonic() + seconds)
        return principal


def api_key_hash(key: str) -> bytes:
    """Return what is stored of an API key: it is 256 random bits, so a fast hash will do."""
    return hashlib.sha256(key.encode()).digest()
