"""The consumers' handlers: decisions, reports, and what a parked item's sender is told."""

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.consumer import Delivery, Rest
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.topology import SESSION_SERVICE, decisions_queue, reports_queue
from csms_shared.contracts.calls import CallFault, CallReply
from csms_shared.contracts.message_types import MessageType
from csms_shared.runtime.clock import monotonic
from csms_shared.service.inbox import Inbox, Reply, Work, decode
from session_service.amqp.reports_barrier import Barrier
from session_service.batches.decisions import Decisions
from session_service.batches.reports import apply_reports
from session_service.batches.works import is_late

# How long a start waits for a stop that may have been answered and not yet processed.
HOLD_S = 1.0
HOLD_STEP_S = 0.05


class DecisionsInbox:
    """Consumer handler of the decisions queue; one per consumer.

    A start that would be refused because its token is busy elsewhere, or that looks like one of a
    boot before, is tried again until the reports sent before it have been stored by whichever
    replica has them, at most for `HOLD_S`: the stop that tells more may be among them. Nobody
    else waits for that: its neighbours are answered, and the batches that follow are decided
    meanwhile, with connections that are not `for_held`.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        for_held: AsyncEngine,
        publisher: Publisher,
        replies: Replies,
        after_commit: Callable[[], None],
        barrier: Barrier,
        *,
        free_vend: bool = False,
    ) -> None:
        self._free_vend = free_vend
        self._engine = engine
        self._for_held = for_held
        self._publisher = publisher
        self._replies = replies
        self._after_commit = after_commit
        self._barrier = barrier

    async def __call__(self, deliveries: list[Delivery]) -> Rest | None:
        """Decide everything in `deliveries`; return what answers it and decides what was held."""
        decisions = Decisions(free_vend=self._free_vend)
        answers = await self._inbox(self._engine, decisions)(deliveries)
        if not decisions.held:
            return answers

        async def rest() -> None:
            # Tried again where the database goes away: what was answered is not answered again.
            nonlocal answers
            if answers is not None:
                answer, answers = answers, None
                await answer()
            await self._decide_held(list(decisions.held.values()))

        return rest

    async def _decide_held(self, works: Sequence[Work]) -> None:
        decisions = Decisions(free_vend=self._free_vend)
        inbox = self._inbox(self._for_held, decisions)
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
                works = list(decisions.held.values())
        finally:
            stored.cancel()

    def _inbox(self, engine: AsyncEngine, decisions: Decisions) -> Inbox:
        return Inbox(
            engine=engine,
            publisher=self._publisher,
            replies=self._replies,
            service=SESSION_SERVICE,
            queue=decisions_queue(SESSION_SERVICE).name,
            apply=decisions,
            fault_reply=fault_reply,
            after_commit=self._after_commit,
        )


class ReportsInbox:
    """Consumer handler of the reports queue; one per consumer."""

    def __init__(
        self,
        engine: AsyncEngine,
        publisher: Publisher,
        replies: Replies,
        after_commit: Callable[[], None],
    ) -> None:
        self._inbox = Inbox(
            engine=engine,
            publisher=publisher,
            replies=replies,
            service=SESSION_SERVICE,
            queue=reports_queue(SESSION_SERVICE).name,
            apply=apply_reports,
            after_commit=after_commit,
        )

    async def __call__(self, deliveries: list[Delivery]) -> None:
        """Store everything in `deliveries`."""
        await self._inbox.handle(decode(deliveries))


def fault_reply(work: Work) -> Reply | None:
    """Return InternalError for a call that this service could not process; it is parked."""
    if work.type != MessageType.CALLS or is_late(work):
        return None
    item, key = work.item, work.envelope.get("reply_key")
    connection_id, seq = item.get("connection_id"), item.get("seq")
    if not (isinstance(key, str) and isinstance(connection_id, str) and isinstance(seq, int)):
        return None
    fault = CallFault(code="InternalError", description="the call was set aside for inspection")
    return Reply(
        key,
        MessageType.CALL_REPLIES,
        CallReply(connection_id=connection_id, seq=seq, fault=fault),
    )
