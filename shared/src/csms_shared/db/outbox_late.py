"""Deferred messages that are still under way: until their attempt has ended nobody tries again."""

import asyncio
from collections import Counter
from typing import NamedTuple

from csms_shared.db.outbox_messages import Destination
from csms_shared.runtime.clock import monotonic

# By then the row that a late confirm speaks of is committed, or never will be.
_ROW_WAITED_FOR_S = 60.0


class Sent(NamedTuple):
    """A message that was published, by where it went and what it held.

    Its content too: rows that a crash has brought back may leave joined with others, under the
    same first number.
    """

    destination: Destination
    outbox_id: int
    events: bytes


class LateConfirms:
    """What one process still waits for, and what was confirmed after it had been deferred.

    Bounded by what `OutboxPublisher` has under way.
    """

    def __init__(self) -> None:
        self._under_way: Counter[Sent] = Counter()
        self._taken: dict[Sent, float] = {}

    def watch(self, sent: Sent, going_on: asyncio.Task[bool]) -> None:
        """Follow an attempt to its end."""
        self._under_way[sent] += 1
        going_on.add_done_callback(lambda ended: self._end(sent, ended))

    def is_under_way(self, sent: Sent) -> bool:
        """Tell whether an attempt has not ended."""
        return sent in self._under_way

    def taken(self) -> list[Sent]:
        """Return what was taken after all, for its rows to go."""
        now = monotonic()
        self._taken = {sent: at for sent, at in self._taken.items() if now - at < _ROW_WAITED_FOR_S}
        return list(self._taken)

    def gone(self, sent: Sent) -> None:
        """Forget what was taken: its row is gone."""
        self._taken.pop(sent, None)

    def _end(self, sent: Sent, ended: asyncio.Task[bool]) -> None:
        self._under_way[sent] -= 1
        if not self._under_way[sent]:
            del self._under_way[sent]
        if was_taken(ended):
            self._taken[sent] = monotonic()


def was_taken(ended: asyncio.Task[bool]) -> bool:
    """Tell whether an attempt that has ended brought the confirm after all."""
    return not ended.cancelled() and ended.exception() is None and ended.result()
