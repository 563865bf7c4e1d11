"""The consumers' handlers: decisions, reports, and what a parked item's sender is told."""

import asyncio
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.consumer import Delivery
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import SESSION_SERVICE, decisions_queue, reports_queue
from csms_shared.clock import monotonic
from csms_shared.contracts.calls import CallFault, CallReply
from csms_shared.contracts.message_types import MessageType
from csms_shared.inbox import Inbox, Reply, Work
from session_service.amqp.routes import Decisions, apply_reports, is_late

# How long a start waits for a stop that may have been answered and not yet processed.
HOLD_S = 1.0
HOLD_STEP_S = 0.1


class DecisionsInbox:
    """Consumer handler of the decisions queue; one per consumer.

    A start that would be refused because its token is busy elsewhere is tried again for up to
    `HOLD_S`: the stop that frees the token may be on its way. Its neighbours are answered first.
    """

    def __init__(
        self, engine: AsyncEngine, publisher: Publisher, after_commit: Callable[[], None]
    ) -> None:
        self._decisions = Decisions()
        self._inbox = Inbox(
            engine=engine,
            publisher=publisher,
            service=SESSION_SERVICE,
            queue=decisions_queue(SESSION_SERVICE).name,
            apply=self._decisions,
            fault_reply=fault_reply,
            after_commit=after_commit,
        )

    async def __call__(self, deliveries: list[Delivery]) -> None:
        """Decide and answer everything in `deliveries`."""
        decisions = self._decisions
        decisions.held.clear()
        decisions.hold = True
        await self._inbox(deliveries)
        until = monotonic() + HOLD_S
        while decisions.held:
            await asyncio.sleep(HOLD_STEP_S)
            decisions.hold = monotonic() < until
            await self._inbox.handle(list(decisions.held.values()))


def reports_inbox(
    engine: AsyncEngine, publisher: Publisher, after_commit: Callable[[], None]
) -> Inbox:
    """Return the consumer handler of the reports queue."""
    return Inbox(
        engine=engine,
        publisher=publisher,
        service=SESSION_SERVICE,
        queue=reports_queue(SESSION_SERVICE).name,
        apply=apply_reports,
        after_commit=after_commit,
    )


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
