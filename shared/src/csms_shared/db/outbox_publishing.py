"""Attempts to publish what is in an outbox, each with a bound of its own, and how they end."""

import asyncio
from collections.abc import Sequence
from enum import Enum, auto

from csms_shared.broker.errors import PublishRefused, PublishReturned, PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import EVENTS, REQUESTS
from csms_shared.db.outbox_messages import Destination, outgoing
from csms_shared.db.outbox_refusals import Refusals

# How long a confirm is waited for: what is due is published, whoever has to wait for the answer.
PATIENCE_S = 3.0
_TURN_PATIENCE_S = 0.5
_REFUSED_PATIENCE_S = 0.05
_ANSWER_S = 1.0
# A channel that a queue has stopped must end before RabbitMQ reads no further from the connection.
_KEEP_CHANNEL_S = 2.0

_Outcome = PublishReturned | PublishUnconfirmed | None


def public_publisher(link: Link) -> Publisher:
    """Return the publisher for subscribers, on a link of its own.

    A queue that does not keep up makes RabbitMQ read no more from whoever publishes to it.
    """
    return Publisher(link, keep_channel_s=_KEEP_CHANNEL_S)


class Attempt(Enum):
    """How it ended."""

    TAKEN = auto()
    """Every queue has it that is there for it."""
    REFUSED = auto()
    """The broker answers, and a queue has not taken it. The others have."""
    UNANSWERED = auto()
    """The broker does not answer, or blocks: nothing is known of any queue."""


class OutboxPublisher:
    """Publishes to the suite's exchanges and to the subscribers' over a connection each."""

    def __init__(self, internal: Publisher, public: Publisher, refusals: Refusals) -> None:
        self._internal = internal
        self._public = public
        self._refusals = refusals
        # Bounded by `PATIENCE_S` and the routing keys.
        self._sending: set[asyncio.Task[list[_Outcome]]] = set()

    async def attempt(
        self, messages: Sequence[tuple[Destination, bytes]], patience_s: float | None = None
    ) -> list[Attempt]:
        """Publish all at once.

        Without `patience_s`, one that refuses is hardly waited for, but when it is its turn.
        """
        outcomes = await self._publish(messages, patience_s)
        attempts = [
            _judged(destination, outcome)
            for (destination, _), outcome in zip(messages, outcomes, strict=True)
        ]
        if Attempt.UNANSWERED in attempts:
            attempts = await self._blamed(messages, attempts)
        for (destination, _), attempt in zip(messages, attempts, strict=True):
            if attempt is Attempt.REFUSED:
                self._refusals.refused(destination)
            elif attempt is Attempt.TAKEN:
                self._refusals.taken(destination)
        return attempts

    async def _publish(
        self, messages: Sequence[tuple[Destination, bytes]], patience_s: float | None
    ) -> list[_Outcome]:
        outcomes: list[_Outcome] = [None] * len(messages)
        together: dict[Publisher, list[int]] = {}
        hurried: list[tuple[int, float]] = []
        for number, (destination, _) in enumerate(messages):
            waits_s = patience_s or self._patience_s(destination)
            if waits_s >= PATIENCE_S:
                together.setdefault(self._publisher_of(destination), []).append(number)
            else:
                hurried.append((number, waits_s))

        async def publish(publisher: Publisher, numbers: list[int]) -> None:
            found = await publisher.publish_all(
                [outgoing(*messages[number]) for number in numbers], PATIENCE_S
            )
            for number, outcome in zip(numbers, found, strict=True):
                outcomes[number] = outcome

        async def hurry(number: int, waits_s: float) -> None:
            outcomes[number] = await self._hurry(messages[number], waits_s)

        await asyncio.gather(
            *(publish(*group) for group in together.items()), *(hurry(*one) for one in hurried)
        )
        return outcomes

    async def _hurry(self, message: tuple[Destination, bytes], waits_s: float) -> _Outcome:
        """Send a message to the queues that take it, and hardly wait for the one that does not.

        It goes on being sent: where a new channel has to be opened for it, that takes its time.
        """
        destination, events = message
        sending = asyncio.create_task(
            self._publisher_of(destination).publish_all([outgoing(destination, events)], PATIENCE_S)
        )
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)
        done, _ = await asyncio.wait((sending,), timeout=waits_s)
        return sending.result()[0] if done else PublishUnconfirmed("not waited for")

    def _publisher_of(self, destination: Destination) -> Publisher:
        return self._public if destination.exchange == EVENTS else self._internal

    def _patience_s(self, destination: Destination) -> float:
        if not self._refusals.refuses(destination):
            return PATIENCE_S
        if self._refusals.is_its_turn(destination):
            return _TURN_PATIENCE_S
        return _REFUSED_PATIENCE_S

    async def _blamed(
        self, messages: Sequence[tuple[Destination, bytes]], attempts: list[Attempt]
    ) -> list[Attempt]:
        """Find out whose fault it is that some had no answer: the broker's, or a queue's."""
        answered = {
            destination.exchange == EVENTS
            for (destination, _), attempt in zip(messages, attempts, strict=True)
            if attempt is not Attempt.UNANSWERED
        }
        internal = False in answered or await self._internal.broker_answers(_ANSWER_S)
        public = internal or True in answered
        return [
            Attempt.REFUSED
            if attempt is Attempt.UNANSWERED
            and (public if destination.exchange == EVENTS else internal)
            else attempt
            for (destination, _), attempt in zip(messages, attempts, strict=True)
        ]


def _judged(destination: Destination, outcome: _Outcome) -> Attempt:
    if outcome is None:
        return Attempt.TAKEN
    if isinstance(outcome, PublishReturned):
        # Nobody has bound a queue for such events, which is nobody's loss. An order has to wait.
        return Attempt.REFUSED if destination.exchange == REQUESTS else Attempt.TAKEN
    return Attempt.REFUSED if isinstance(outcome, PublishRefused) else Attempt.UNANSWERED
