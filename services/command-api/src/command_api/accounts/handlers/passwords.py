"""Hashing and checking the passwords of users, off the event loop and few at a time."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from command_api.concurrency.limiters import Limiter
from csms_shared.runtime.clock import monotonic

# OWASP's recommendation for Argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
Result = TypeVar("Result")

_AT_ONCE = 2
_MAX_WAITING = 50
# Of so many checks it is remembered how long they took.
_REMEMBERED = 64
_hashed_at = monotonic()
# Checked for unknown users.
_NOBODY = _HASHER.hash("nobody has this password")
_FIRST_S = monotonic() - _hashed_at


class TooManyLogins(Exception):
    """More log-ins wait than could be checked in reasonable time."""


def verify(password_hash: str, password: str) -> bool:
    """Tell whether the password is right: some 20 ms of a processor and 19 MiB."""
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


class Passwords:
    """A bounded way to the hash function."""

    def __init__(self, verify: Callable[[str, str], bool] = verify) -> None:
        self._verify = verify
        self._limiter = Limiter(_AT_ONCE)
        self._took_s = deque([_FIRST_S], maxlen=_REMEMBERED)

    async def hash(self, password: str) -> str:
        """Return the hash to store.

        Raises:
            TooManyLogins: try again later.
        """
        if self._limiter.waiting >= _MAX_WAITING:
            raise TooManyLogins
        return await self._limited(0, lambda: _HASHER.hash(password))

    async def matches(self, password_hash: str | None, password: str, failures: int) -> bool:
        """Tell whether the password is right; without a hash it takes as long, and is not.

        Who has fewer `failures` is next. Whoever asks keeps it to one at a time of a
        name, so no more wait than there are users.
        """
        if password_hash is None:
            await self._pretend(password)
            return False
        known: str = password_hash
        return await self._limited(failures, lambda: self._verify(known, password))

    async def _pretend(self, password: str) -> None:
        """Take as long as a check, at nobody's expense: there are more made-up names than users."""
        if self._limiter.idle:
            await self._limited(0, lambda: self._verify(_NOBODY, password))
        else:
            await asyncio.sleep(random.choice(self._took_s))  # noqa: S311 - a duration

    async def _limited(self, rank: int, work: Callable[[], Result]) -> Result:
        began = monotonic()
        async with self._limiter.slot(rank):
            result = await asyncio.to_thread(work)
        self._took_s.append(monotonic() - began)
        return result
