"""Whether a service's work queues take messages: declared, given time, and a publish confirmed.

And how many messages wait in them, which is asked for now and then.

A quorum queue whose broker is killed within moments of its declaration may come back without a
leader, and take nothing ever after. So a queue counts as good 2 s after its declaration and one
confirmed message, and has to show it again after every reconnection.
"""

import asyncio
from collections.abc import Sequence

import orjson
import structlog

from csms_shared.broker.declarations import Queue
from csms_shared.broker.errors import BrokerError, PublishReturned, PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.contracts.message_types import MessageType
from csms_shared.observability.metrics import QUEUE_MESSAGES

log = structlog.get_logger(__name__)

SETTLE_S = 2.0
WATCH_S = 0.5
MEASURED_EVERY_S = 10.0
PROBE_TIMEOUT_S = 3.0
# A batch without items: every consumer acknowledges it and does nothing.
_EMPTY_BATCH = orjson.dumps({"items": []})


class WorkQueueProbe:
    """Declares a service's queues and finds out which of them take messages."""

    def __init__(self, link: Link, publisher: Publisher, queues: Sequence[Queue]) -> None:
        self._link = link
        self._publisher = publisher
        self._queues = tuple(queues)
        self._missing = {queue.name: "not declared yet" for queue in queues}
        self._opened = -1
        self._lengths = {queue.name: QUEUE_MESSAGES.labels(queue.label) for queue in queues}

    def missing(self) -> dict[str, str]:
        """Return the queues that are not known to take messages, each with the reason."""
        return dict(self._missing)

    async def run(self) -> None:
        """Probe until cancelled: at the start, after each reconnection, and what failed again.

        Also while a connection is lost: a service that nobody asks for anything publishes nothing,
        and nobody asks one that isn't ready because of it.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._measure())
            await self._probe()

    async def _measure(self) -> None:
        while True:
            # Those that are not known to be there would fail the question for all.
            there = [queue for queue in self._queues if queue.name not in self._missing]
            if there and self._link.is_open():
                try:
                    waiting = await self._link.messages_waiting(*there)
                except BrokerError as error:
                    log.warning("queues_unmeasured", error=str(error))
                else:
                    for name, messages in waiting.items():
                        self._lengths[name].set(messages)
            await asyncio.sleep(MEASURED_EVERY_S)

    async def _probe(self) -> None:
        while True:
            reconnected = self._link.opened != self._opened
            if self._missing or reconnected or not self._link.is_open():
                await self._round()
            await asyncio.sleep(WATCH_S)

    async def _round(self) -> None:
        if self._link.opened != self._opened:
            self._missing = {queue.name: "not probed since reconnecting" for queue in self._queues}
        try:
            await self._link.declare(*self._queues)
            await asyncio.sleep(SETTLE_S)
            outcomes = await self._publisher.publish_all(
                [
                    Outgoing(DEFAULT_EXCHANGE, queue.name, MessageType.PROBE, _EMPTY_BATCH)
                    for queue in self._queues
                ],
                PROBE_TIMEOUT_S,
            )
        except BrokerError as error:
            self._missing = {queue.name: str(error)[:200] for queue in self._queues}
            return
        self._missing = {
            queue.name: _reason(outcome)
            for queue, outcome in zip(self._queues, outcomes, strict=True)
            if outcome is not None
        }
        # Counted after publishing, which may itself have opened a connection: that one has just
        # been tried.
        self._opened = self._link.opened
        if self._missing:
            log.warning("work_queues_missing", queues=self._missing)


def _reason(outcome: PublishReturned | PublishUnconfirmed) -> str:
    if isinstance(outcome, PublishReturned):
        return "the queue does not exist"
    return f"no confirm within {PROBE_TIMEOUT_S:g} s: the queue has no leader or takes no messages"
