"""The rotations of one station's password: one at a time, and what is told of an old one late.

A command may be sent by any replica of command-api, and what became of it may be told a day late.
Only here is it known in which order a station was asked to change its password.
"""

from dataclasses import dataclass, replace
from uuid import UUID

# Far more than an operator begins on one day, after which nothing is told late any more.
KEPT = 16
_BY_HAND = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Rotations:
    """`known` are the newest, the newest last; it is under way until `until_ms` at most."""

    known: tuple[UUID, ...] = ()
    until_ms: int | None = None

    def is_another_under_way(self, rotation: UUID, now_ms: int) -> bool:
        """Tell whether `rotation` has to wait; times in milliseconds since the epoch.

        The station would take the two in an order that nobody can tell for certain, and the one
        that it took first would count in the end.
        """
        return self._is_under_way(now_ms) and rotation not in self.known

    def is_superseded(self, rotation: UUID) -> bool:
        """Tell whether the station was asked for another change after it."""
        return rotation in self.known[:-1]

    def begin(self, rotation: UUID, until_ms: int) -> "Rotations":
        """Return the rotations with a new one; one that has begun already changes nothing."""
        if rotation in self.known:
            return self
        return Rotations((*self.known, rotation)[-KEPT:], until_ms)

    def replaced(self, now_ms: int) -> "Rotations":
        """Return the rotations after an operator named the password that the station has.

        One whose end was not told is over with that; not so one that is under way.
        """
        if not self.known or self.known[-1] == _BY_HAND or self._is_under_way(now_ms):
            return self
        return Rotations((*self.known, _BY_HAND)[-KEPT:])

    def end(self, rotation: UUID) -> "Rotations":
        """Return the rotations after it is known what became of this one."""
        return replace(self, until_ms=None) if rotation in self.known[-1:] else self

    def _is_under_way(self, now_ms: int) -> bool:
        return self.until_ms is not None and now_ms < self.until_ms
