"""Hashing and checking the passwords of users, off the event loop and few at a time."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's recommendation for Argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
Result = TypeVar("Result")

_AT_ONCE = 2
_MAX_WAITING = 50
# Checked for unknown users, so that they take as long as known ones.
_NOBODY = _HASHER.hash("nobody has this password")


class TooManyLogins(Exception):
    """More log-ins wait than could be checked in reasonable time."""


class Passwords:
    """A bounded way to the hash function."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Return the hash to store.

        Raises:
            TooManyLogins: try again later.
        """
        return await self._in_turn(lambda: _HASHER.hash(password))

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Tell whether the password is right; without a hash it takes as long, and is not.

        Raises:
            TooManyLogins: try again later.
        """
        right = await self._in_turn(lambda: _verify(password_hash or _NOBODY, password))
        return right and password_hash is not None

    async def _in_turn(self, work: Callable[[], Result]) -> Result:
        if self._waiting >= _MAX_WAITING:
            raise TooManyLogins
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
