"""Attempts to publish what is in an outbox, each with a bound of its own, and how they end."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from csms_shared.broker.errors import (
    PublishLost,
    PublishRefused,
    PublishReturned,
    PublishUnconfirmed,
)
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import EVENTS, REQUESTS
from csms_shared.db.outbox_messages import Destination, outgoing
from csms_shared.db.outbox_refusals import Refusals

# How long a confirm may take before it counts as not given.
PATIENCE_S = 3.0
# A queue may have stopped: so long is waited for one while the broker confirms others. The suite's
# own are worth more of everybody's time: what they take late comes out of order.
_SUBSCRIBERS_PATIENCE_S = 0.2
_OWN_PATIENCE_S = 1.0
_REFUSED_PATIENCE_S = 0.05
_ANSWER_S = 1.0
# A channel that a queue has stopped must end before RabbitMQ reads no further from the connection.
_KEEP_CHANNEL_S = 2.0

_Outcome = PublishReturned | PublishUnconfirmed | None


def public_publisher(link: Link) -> Publisher:
    """Return the publisher for subscribers, on a link of its own.

    A queue that does not keep up makes RabbitMQ read no more from whoever publishes to it. One
    channel, so that what is published in an order comes in that order.
    """
    return Publisher(link, keep_channel_s=_KEEP_CHANNEL_S, channels=1)


class Attempt(Enum):
    """How it ended."""

    TAKEN = auto()
    """Every queue has it that is there for it."""
    REFUSED = auto()
    """The broker answers, and a queue has not taken it. The others have."""
    UNANSWERED = auto()
    """The broker does not answer, or blocks, or the way to it was lost: no queue is to blame."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How the attempt ended, as far as it was waited for.

    `going_on` may still bring the confirm of one that reads as refused; true once it has.
    """

    attempt: Attempt
    going_on: asyncio.Task[bool] | None = None


_Sending = tuple[Destination, asyncio.Task[_Outcome]]


class OutboxPublisher:
    """Publishes to the exchanges of the suite, or to that of subscribers."""

    def __init__(self, publisher: Publisher, refusals: Refusals) -> None:
        self._publisher = publisher
        self._refusals = refusals
        # Bounded by `PATIENCE_S` and the routing keys.
        self._going_on: set[asyncio.Task[bool]] = set()

    async def attempt(self, messages: Sequence[tuple[Destination, bytes]]) -> list[Ended]:
        """Publish all at once, and wait as long as the broker needs to answer.

        A queue that has stopped is not waited for: where the broker confirms other messages, one
        that it does not confirm reads as refused soon, and goes on being sent.
        """
        sendings = [(to, asyncio.create_task(self._send(to, events))) for to, events in messages]
        try:
            answers = await self._wait(sendings)
        except BaseException:
            for _, sending in sendings:
                sending.cancel()
            raise
        return [self._ended(to, sending, answers) for to, sending in sendings]

    async def _send(self, destination: Destination, events: bytes) -> _Outcome:
        (outcome,) = await self._publisher.publish_all([outgoing(destination, events)], PATIENCE_S)
        return outcome

    async def _wait(self, sendings: Sequence[_Sending]) -> bool:
        """Wait until each has its answer, or is the only one who has none.

        Return whether the broker answers.
        """
        patience: dict[float, set[asyncio.Task[_Outcome]]] = {}
        for to, sending in sendings:
            patience.setdefault(self._patience_s(to), set()).add(sending)
        await asyncio.gather(
            *(asyncio.wait(some, timeout=seconds) for seconds, some in patience.items())
        )
        if await self._answers(sendings):
            return True
        slow = {sending for _, sending in sendings if not sending.done()}
        if not slow:
            return False
        await asyncio.wait(slow)
        return await self._answers(sendings)

    def _patience_s(self, destination: Destination) -> float:
        if self._refusals.refuses(destination):
            return _REFUSED_PATIENCE_S
        return _SUBSCRIBERS_PATIENCE_S if destination.exchange == EVENTS else _OWN_PATIENCE_S

    async def _answers(self, sendings: Sequence[_Sending]) -> bool:
        """Find out whose fault it is that some had no answer: the broker's, or a queue's."""
        answered = [
            sending.done() and _judged(to, sending.result()) is not Attempt.UNANSWERED
            for to, sending in sendings
        ]
        return any(answered) or await self._publisher.broker_answers(_ANSWER_S)

    def _ended(
        self, destination: Destination, sending: asyncio.Task[_Outcome], answers: bool
    ) -> Ended:
        if not sending.done():
            self._refusals.slow(destination)
            going_on = asyncio.create_task(self._late(destination, sending))
            self._going_on.add(going_on)
            going_on.add_done_callback(self._going_on.discard)
            return Ended(Attempt.REFUSED, going_on)
        outcome = sending.result()
        attempt = _judged(destination, outcome)
        # A way that was lost is no queue's fault: all of it comes again, in its order.
        if attempt is Attempt.UNANSWERED and answers and not isinstance(outcome, PublishLost):
            attempt = Attempt.REFUSED
        if attempt is Attempt.REFUSED:
            self._refusals.refused(destination)
        elif attempt is Attempt.TAKEN:
            self._refusals.taken(destination)
        return Ended(attempt)

    async def _late(self, destination: Destination, sending: asyncio.Task[_Outcome]) -> bool:
        taken = _judged(destination, await sending) is Attempt.TAKEN
        if taken:
            self._refusals.taken(destination)
        else:
            self._refusals.refused(destination)
        return taken


def _judged(destination: Destination, outcome: _Outcome) -> Attempt:
    if outcome is None:
        return Attempt.TAKEN
    if isinstance(outcome, PublishReturned):
        # Nobody has bound a queue for such events, which is nobody's loss. An order has to wait.
        return Attempt.REFUSED if destination.exchange == REQUESTS else Attempt.TAKEN
    return Attempt.REFUSED if isinstance(outcome, PublishRefused) else Attempt.UNANSWERED
