"""Whether all reports that stations sent before are stored, whichever replica has them.

A report is answered before it is stored. Until then it is in the reports queue, or
unacknowledged with one of the queue's consumers, in any replica. So every replica is asked: it
looks at the queue on the channel of each of its consumers, stores what they have not acknowledged
yet, and says so. When nothing waited in the queue, and as many consumers have finished as the queue
has, all are stored (ADR 0011). No clocks are compared, and nothing is asked unless a start would be
refused.

The replicas answer one after the other. What one gives back after another has answered may go to
that one, unseen; so only those consumers count that were the same, and gave nothing back, since
before the question: whose replica's `term` is known from an answer to an earlier one.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from functools import partial

import structlog
from pydantic import ValidationError

from csms_shared.broker.consumer import Consumer, Delivery, Rest
from csms_shared.broker.errors import BrokerError
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.queue_state import QueueState
from csms_shared.broker.replies import Replies
from csms_shared.broker.requests import reply_message
from csms_shared.broker.topology import REQUESTS, SESSION_SERVICE, replicas_key
from csms_shared.broker.unacknowledged import NotSettled
from csms_shared.contracts.barriers import ReportsBarrier, ReportsBarrierReply
from csms_shared.contracts.message_types import MessageType
from csms_shared.runtime.clock import monotonic

log = structlog.get_logger(__name__)

# A replica that died is missing among the answers, until the broker has noticed.
ROUND_S = 0.4
PAUSE_S = 0.05
# Whoever asked has gone on by then.
EXPIRES_S = 2.0
# Replicas whose terms are remembered; those that ended long ago are forgotten with the others.
_TERMS_MAX = 100


class _Round:
    """The answers to one question, by replica; what is delivered twice counts once.

    `terms`: those of the replicas that were known when it was asked.
    """

    def __init__(self, reply_key: str, terms: Mapping[str, int]) -> None:
        self.reply_key = reply_key
        self._terms = terms
        self.passed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._answers: dict[str, ReportsBarrierReply] = {}

    def add(self, answer: ReportsBarrierReply) -> None:
        self._answers[answer.replica] = answer
        answers = self._answers.values()
        if self.passed.done():
            return
        if answer.queue_messages:
            self.passed.set_result(False)
            return
        needed = max(one.queue_consumers for one in answers)
        if sum(one.consumers for one in answers) >= needed:
            unchanged = (one for one in answers if self._is_unchanged(one))
            self.passed.set_result(sum(one.consumers for one in unchanged) >= needed)

    def _is_unchanged(self, answer: ReportsBarrierReply) -> bool:
        return answer.term is not None and self._terms.get(answer.replica) == answer.term


class Barrier:
    """Asks for one replica; one question is under way at a time, for all who wait meanwhile."""

    def __init__(self, publisher: Publisher, incarnation: str) -> None:
        self._publisher = publisher
        self._incarnation = incarnation
        self._asking = asyncio.Lock()
        self._round: _Round | None = None
        self._terms: dict[str, int] = {}
        self._begun = 0
        self._passed = 0

    async def wait(self) -> None:
        """Return once every report that was in the queue before the call is stored.

        It may never be known; whoever waits sets the bound.
        """
        wanted = self._begun + 1
        while True:
            async with self._asking:
                if self._passed >= wanted:
                    return
                self._begun += 1
                if await self._ask(f"{self._incarnation}.barrier.{self._begun}"):
                    self._passed = self._begun
                    return
            await asyncio.sleep(PAUSE_S)

    def take(self, delivery: Delivery) -> None:
        """Take a replica's answer; of one to a question of before, only the term is of use."""
        try:
            answer = ReportsBarrierReply.model_validate_json(delivery.body)
        except ValidationError as error:
            log.warning("barrier_reply_unreadable", error=str(error)[:500])
            return
        if answer.term is not None:
            if answer.replica not in self._terms and len(self._terms) >= _TERMS_MAX:
                self._terms.clear()
            self._terms[answer.replica] = answer.term
        if self._round is not None and delivery.routing_key == self._round.reply_key:
            self._round.add(answer)

    async def _ask(self, reply_key: str) -> bool:
        question = Outgoing(
            REQUESTS,
            replicas_key(SESSION_SERVICE),
            MessageType.REPORTS_BARRIER,
            ReportsBarrier(reply_key=reply_key).model_dump_json().encode(),
            persistent=False,
            expires_s=EXPIRES_S,
        )
        until = monotonic() + ROUND_S
        self._round = current = _Round(reply_key, dict(self._terms))
        try:
            # Unconfirmed, it may have reached all replicas none the less.
            with contextlib.suppress(BrokerError):
                await self._publisher.publish(question, ROUND_S)
            await asyncio.wait((current.passed,), timeout=max(0.0, until - monotonic()))
            return current.passed.done() and current.passed.result()
        finally:
            self._round = None


class ReplicaInbox:
    """Consumer handler of this replica's own queue: what all are asked, and answers to its own.

    `consumers` are those of the reports queue.
    """

    def __init__(
        self, barrier: Barrier, incarnation: str, consumers: Sequence[Consumer], replies: Replies
    ) -> None:
        self._barrier = barrier
        self._incarnation = incarnation
        self._consumers = consumers
        self._replies = replies

    async def __call__(self, deliveries: list[Delivery]) -> Rest | None:
        """Take answers at once; questions are answered beside what comes next."""
        reply_keys: list[str] = []
        for delivery in deliveries:
            if delivery.type == MessageType.REPORTS_BARRIER_REPLY:
                self._barrier.take(delivery)
            elif delivery.type == MessageType.REPORTS_BARRIER:
                try:
                    asked = ReportsBarrier.model_validate_json(delivery.body)
                except ValidationError as error:
                    log.warning("barrier_unreadable", error=str(error)[:500])
                else:
                    reply_keys.append(asked.reply_key)
        return partial(self._answer, reply_keys) if reply_keys else None

    async def _answer(self, reply_keys: Sequence[str]) -> None:
        found = await asyncio.gather(*map(_settle, self._consumers))
        states = [state for state in found if state is not None]
        # One that gave something back has told the broker so on its channel, and is asked there
        # again before this replica's term counts.
        if len(states) < len(self._consumers):
            return
        answer = ReportsBarrierReply(
            replica=self._incarnation,
            consumers=len(states),
            queue_consumers=max(state.consumers for state in states),
            queue_messages=max(state.messages for state in states),
            term=sum(consumer.term for consumer in self._consumers),
        )
        document = answer.model_dump()
        await self._replies.deliver(
            [
                reply_message(reply_key, MessageType.REPORTS_BARRIER_REPLY, document)
                for reply_key in reply_keys
            ]
        )


async def _settle(consumer: Consumer) -> QueueState | None:
    """Return the queue's state once the consumer has settled what it had; None if it can't."""
    try:
        async with asyncio.timeout(ROUND_S):
            return await consumer.wait_until_settled()
    except (NotSettled, TimeoutError):
        return None
