"""Who waits for a turn, woken when it comes (docs/adr/0014)."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from csms_shared.runtime.clock import monotonic
from ws_gateway import metrics
from ws_gateway.domain.adaptive_concurrency import Pace
from ws_gateway.domain.admission_queue import Turn, Turns
from ws_gateway.domain.limits import EntryLimits

# More than these would wait in the broker only, out of reach of priorities; and a queue there
# makes the registry look as if it were away (`amqp.services.OVERDUE_S`).
MOST_CLAIMS, FEWEST_CLAIMS = 250, 20
CLAIM_TARGET_S = 1.0
# A timer for each single turn would cost more than the turns.
_SHORTEST_PAUSE_S = 0.005


class Waiter(Protocol):
    """Somebody who waits for a turn and is told one thing or the other, once."""

    @property
    def gone(self) -> bool:
        """Tell whether the turn would be wasted."""

    def turn_came(self) -> None:
        """Go on."""

    def turned_away(self) -> None:
        """Do not wait any longer: too many do, or nobody is left to wait."""


class Admission:
    """The queue of one kind of newcomer."""

    def __init__(
        self,
        kind: str,
        turns: Turns[Waiter],
        pace: Pace | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._turns = turns
        self._pace = pace
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._outcomes = {turn: metrics.ADMISSIONS.labels(kind, turn.name.lower()) for turn in Turn}
        metrics.ADMISSION_WAITING.labels(kind).set_function(lambda: turns.waiting)

    @classmethod
    def of_upgrades(cls, limits: EntryLimits) -> "Admission":
        """Return the queue of stations that connect; `leave` is called after each claim."""
        pace = Pace(at_least=FEWEST_CLAIMS, at_most=MOST_CLAIMS, target_s=CLAIM_TARGET_S)
        return cls("upgrade", _turns(limits, pace.bound), pace)

    @classmethod
    def of_boots(cls, limits: EntryLimits) -> "Admission":
        """Return the queue of BootNotifications."""
        return cls("boot", _turns(limits, None))

    def enter(self, waiter: Waiter, *, first: bool) -> Turn:
        """Ask for a turn; only where the answer is `WAITS` the waiter is told later."""
        turn = self._turns.enter(waiter, self._clock(), first=first)
        self._outcomes[turn].inc()
        if turn is Turn.WAITS:
            if self._timer is None:
                self._set_timer()
            elif first:
                # It may have displaced somebody, who is told at once.
                self._let_in()
        return turn

    def leave(self, took_s: float) -> None:
        """Note that one whose turn came is done, and how long it took."""
        self._turns.leave()
        if self._pace is not None:
            self._pace.answered(took_s, self._clock())
            self._turns.max_under_way = self._pace.bound
        if self._turns.waiting:
            self._let_in()

    def _let_in(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        called = self._turns.come(self._clock(), lambda waiter: waiter.gone)
        for waiter in called.coming:
            waiter.turn_came()
        self._outcomes[Turn.REFUSED].inc(len(called.refused))
        for waiter in (*called.refused, *called.gone):
            waiter.turned_away()
        self._set_timer()

    def _set_timer(self) -> None:
        pause = self._turns.next_in(self._clock())
        if pause is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(pause, _SHORTEST_PAUSE_S), self._let_in)


def _turns(limits: EntryLimits, max_under_way: int | None) -> Turns[Waiter]:
    return Turns(
        rate=limits.admissions_per_s,
        burst=limits.admissions_at_once,
        max_under_way=max_under_way,
        max_waiting=limits.admissions_waiting,
        longest_wait_s=limits.admission_wait_s,
    )


class Upgrade:
    """One handshake that waits."""

    __slots__ = ("_is_gone", "admitted")

    def __init__(self, is_gone: Callable[[], bool]) -> None:
        self._is_gone = is_gone
        self.admitted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    @property
    def gone(self) -> bool:
        """Tell whether the client is gone, or the handshake was given up."""
        return self.admitted.done() or self._is_gone()

    @property
    def was_admitted(self) -> bool:
        """Tell whether its turn has come."""
        answered = self.admitted.done() and not self.admitted.cancelled()
        return answered and self.admitted.result()

    def turn_came(self) -> None:
        """Go on to the claim."""
        self.admitted.set_result(True)

    def turned_away(self) -> None:
        """Refuse, where anybody still waits."""
        if not self.admitted.done():
            self.admitted.set_result(False)
