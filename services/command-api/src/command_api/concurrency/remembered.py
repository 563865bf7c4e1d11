"""Answers that many ask for at once, and that may be a moment old."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from csms_shared.runtime.clock import monotonic

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Entry(Generic[Answer]):
    """`until`: how long the answer counts, by the monotonic clock."""

    making: asyncio.Lock = field(default_factory=asyncio.Lock)
    answer: Answer | None = None
    until: float = 0.0


class Remembered(Generic[Key, Answer]):
    """Makes the answer to each key once in `for_s` seconds, however many ask; keeps at most `most`.

    Who comes while it is made waits for it. Where the one for whom it is made goes away, the next
    of those who wait has it made.
    """

    def __init__(self, for_s: float, most: int) -> None:
        self._for_s = for_s
        self._most = most
        self._entries: dict[Key, _Entry[Answer]] = {}

    async def get(self, key: Key, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer, made now or a moment ago; raises what `make` raises."""
        entry = self._entries.get(key)
        if entry is None:
            self._make_room()
            entry = self._entries[key] = _Entry()
        async with entry.making:
            if entry.answer is None or entry.until <= monotonic():
                entry.answer = await make()
                entry.until = monotonic() + self._for_s
            return entry.answer

    def _make_room(self) -> None:
        if len(self._entries) < self._most:
            return
        now = monotonic()
        self._entries = {
            key: entry
            for key, entry in self._entries.items()
            if entry.until > now or entry.making.locked()
        }
        while len(self._entries) >= self._most:
            # The oldest; who waits for it has its entry.
            self._entries.pop(next(iter(self._entries)))
