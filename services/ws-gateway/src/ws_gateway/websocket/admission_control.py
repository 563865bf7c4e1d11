"""Admission control: who waits in a queue, and is woken when admitted (docs/adr/0014)."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from csms_shared.runtime.clock import monotonic
from ws_gateway import metrics
from ws_gateway.domain.adaptive_concurrency import AdaptiveConcurrency
from ws_gateway.domain.admission_queue import Admission, AdmissionQueue
from ws_gateway.domain.limits import EntryLimits

# More than these would wait in the broker only, out of reach of priorities; and a queue there
# makes the registry look as if it were away (`amqp.services.OVERDUE_S`).
MOST_CLAIMS, FEWEST_CLAIMS = 250, 20
CLAIM_TARGET_S = 1.0
# A timer for each single admission would cost more than the admissions.
_SHORTEST_PAUSE_S = 0.005


class Waiter(Protocol):
    """Somebody who waits in the queue and is told one thing or the other, once."""

    @property
    def gone(self) -> bool:
        """Tell whether the place would be wasted."""

    def admit(self) -> None:
        """Go on."""

    def refuse(self) -> None:
        """Do not wait any longer: too many do, or nobody is left to wait."""


class AdmissionControl:
    """The queue of one kind of request."""

    def __init__(
        self,
        kind: str,
        queue: AdmissionQueue[Waiter],
        concurrency: AdaptiveConcurrency | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._queue = queue
        self._concurrency = concurrency
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._outcomes = {
            admission: metrics.ADMISSIONS.labels(kind, admission.name.lower())
            for admission in Admission
        }
        metrics.ADMISSION_WAITING.labels(kind).set_function(lambda: queue.waiting)

    @classmethod
    def of_upgrades(cls, limits: EntryLimits) -> "AdmissionControl":
        """Return the queue of stations that connect; `done` is called after each claim."""
        concurrency = AdaptiveConcurrency(
            at_least=FEWEST_CLAIMS, at_most=MOST_CLAIMS, target_s=CLAIM_TARGET_S
        )
        return cls("upgrade", _queue(limits, concurrency.bound), concurrency)

    @classmethod
    def of_boots(cls, limits: EntryLimits) -> "AdmissionControl":
        """Return the queue of BootNotifications."""
        return cls("boot", _queue(limits, None))

    def enter(self, waiter: Waiter, *, first: bool) -> Admission:
        """Ask to be admitted; only where the answer is `WAITS` the waiter is told later."""
        admission = self._queue.enter(waiter, self._clock(), first=first)
        self._outcomes[admission].inc()
        if admission is Admission.WAITS:
            if self._timer is None:
                self._set_timer()
            elif first:
                # It may have displaced somebody, who is told at once.
                self._release()
        return admission

    def done(self, took_s: float) -> None:
        """Note that one that was admitted is done, and how long it took."""
        self._queue.done()
        if self._concurrency is not None:
            self._concurrency.answered(took_s, self._clock())
            self._queue.max_concurrent = self._concurrency.bound
        if self._queue.waiting:
            self._release()

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        departures = self._queue.release(self._clock(), lambda waiter: waiter.gone)
        for waiter in departures.admitted:
            waiter.admit()
        self._outcomes[Admission.REFUSED].inc(len(departures.refused))
        for waiter in (*departures.refused, *departures.gone):
            waiter.refuse()
        self._set_timer()

    def _set_timer(self) -> None:
        pause = self._queue.next_release_in(self._clock())
        if pause is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(pause, _SHORTEST_PAUSE_S), self._release)


def _queue(limits: EntryLimits, max_concurrent: int | None) -> AdmissionQueue[Waiter]:
    return AdmissionQueue(
        rate=limits.admissions_per_s,
        burst=limits.admissions_at_once,
        max_concurrent=max_concurrent,
        max_waiting=limits.admissions_waiting,
        longest_wait_s=limits.admission_wait_s,
    )


class QueuedUpgrade:
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
        """Tell whether it was admitted in time."""
        answered = self.admitted.done() and not self.admitted.cancelled()
        return answered and self.admitted.result()

    def admit(self) -> None:
        """Go on to the claim."""
        self.admitted.set_result(True)

    def refuse(self) -> None:
        """Refuse, where anybody still waits."""
        if not self.admitted.done():
            self.admitted.set_result(False)
