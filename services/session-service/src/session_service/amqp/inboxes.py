"""The consumer's handler of the decisions queue."""

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.consumer import Delivery, Rest
from csms_shared.contracts.read_calls import CallKey
from csms_shared.runtime.clock import monotonic
from csms_shared.service.dispatch import dispatching
from csms_shared.service.inbox import Apply, Inbox, Work, decode
from csms_shared.service.station_calls import find_key
from session_service.amqp.reports_barrier import Barrier
from session_service.batches.decisions import Decisions
from session_service.routes import decision_routes

# How long a start waits for a stop that may have been answered and not yet processed.
HOLD_S = 1.0
HOLD_STEP_S = 0.05


class DecisionsInbox:
    """Consumer handler of the decisions queue; one per consumer.

    A start that would be refused because its token is busy elsewhere, or that looks like one of a
    boot before, is tried again until the reports sent before it have been stored by whichever
    replica has them, at most for `HOLD_S`: the stop that tells more may be among them. Nobody
    else waits for that: its neighbours are answered, and the batches that follow are decided
    meanwhile, with connections that are not `for_held`. `inbox` makes one that handles batches
    with an engine.
    """

    def __init__(
        self,
        inbox: Callable[[AsyncEngine, Apply], Inbox],
        engine: AsyncEngine,
        for_held: AsyncEngine,
        barrier: Barrier,
        *,
        free_vend: bool = False,
    ) -> None:
        self._inbox = inbox
        self._engine = engine
        self._for_held = for_held
        self._barrier = barrier
        self._free_vend = free_vend

    async def __call__(self, deliveries: list[Delivery]) -> Rest | None:
        """Decide everything in `deliveries`; return what answers it and decides what was held."""
        decisions, inbox = self._deciding(self._engine)
        works = decode(deliveries)
        answers = await inbox.commit(works)
        if not decisions.held:
            return answers
        held = _of_keys(works, decisions.held)

        async def rest() -> None:
            # Tried again where the database goes away: what was answered is not answered again.
            nonlocal answers
            if answers is not None:
                answer, answers = answers, None
                await answer()
            await self._decide_held(held)

        return rest

    async def _decide_held(self, works: Sequence[Work]) -> None:
        decisions, inbox = self._deciding(self._for_held)
        until = monotonic() + HOLD_S
        stored = asyncio.create_task(self._barrier.wait())
        try:
            while works:
                await asyncio.wait((stored,), timeout=HOLD_STEP_S)
                decisions.hold = monotonic() < until
                if stored.done():
                    stored.result()
                    decisions.hold = False
                await inbox.handle(works)
                works = _of_keys(works, decisions.held)
        finally:
            stored.cancel()

    def _deciding(self, engine: AsyncEngine) -> tuple[Decisions, Inbox]:
        decisions = Decisions(free_vend=self._free_vend)
        return decisions, self._inbox(engine, dispatching(decision_routes(decisions.decide)))


def _of_keys(works: Sequence[Work], keys: set[CallKey]) -> list[Work]:
    """Return the calls with these keys; of one that came twice, either."""
    found = {key: work for work in works if (key := find_key(work)) in keys}
    return list(found.values())
