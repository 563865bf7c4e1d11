"""Confirmed publishing: a message is stored, certainly not stored, or its fate is unknown."""

import asyncio
import uuid
from dataclasses import dataclass, field

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, HeadersType
from aiormq.exceptions import DeliveryError, PublishError

from csms_shared.broker.errors import (
    BrokerUnavailable,
    PublishLost,
    PublishRefused,
    PublishReturned,
    PublishUnconfirmed,
)
from csms_shared.broker.link import CONNECTION_ERRORS, SENT_HEADER, Link, within
from csms_shared.broker.topology import (
    CALLS,
    EVENTS,
    GATEWAYS,
    INTERNAL_EVENTS,
    REPLIES,
    REQUESTS,
    STORED_EVENTS,
)
from csms_shared.observability.metrics import BUS_PUBLISHED
from csms_shared.runtime.clock import monotonic, now_ms

PUBLISH_TIMEOUT_S = 5.0
_CHANNELS = 3
DEFAULT_EXCHANGE = ""
# There, a message that no queue takes is lost work. Elsewhere it is for whoever is there: a part of
# the suite that follows an event, a process that has ended meanwhile.
_TAKEN_IN_ANY_CASE = (CALLS, REQUESTS, DEFAULT_EXCHANGE)
_TAKEN_BY_WHOEVER_IS_THERE = (INTERNAL_EVENTS, GATEWAYS, REPLIES, STORED_EVENTS)
# Not mandatory: whether anybody else follows our events is not ours to know.
_FOR_OTHERS = (EVENTS,)
_NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One AMQP message to publish. `expires_s`: dropped by its queue after so many seconds.

    `also` are further routing keys; a queue that several of them reach gets the message once.
    `sender` and `sent_ms` are those of the original where a message is passed on.
    """

    exchange: str
    routing_key: str
    type: str
    body: bytes
    content_type: str = "application/json"
    persistent: bool = True
    expires_s: float | None = None
    also: tuple[str, ...] = ()
    sender: str | None = None
    sent_ms: int | None = None


def _headers(message: Outgoing) -> HeadersType:
    headers: HeadersType = {SENT_HEADER: message.sent_ms or now_ms()}
    if message.also:
        # RabbitMQ documentation, "Sender-selected Distribution".
        headers["CC"] = list(message.also)
    return headers


@dataclass(slots=True)
class _Lane:
    """A channel with how many publishes wait on it; whoever is last closes one given up."""

    channel: AbstractChannel
    exchanges: dict[str, AbstractExchange]
    opened_at: float = field(default_factory=monotonic)
    waiting: int = 0
    given_up: bool = False

    async def exchange(self, name: str) -> AbstractExchange:
        exchange = self.exchanges.get(name)
        if exchange is None:
            if name == DEFAULT_EXCHANGE:
                exchange = self.channel.default_exchange
            else:
                exchange = await self.channel.get_exchange(name, ensure=False)
            self.exchanges[name] = exchange
        return exchange


def _outcomes(exchange: str) -> tuple[str, ...]:
    untaken = () if exchange in _FOR_OTHERS else (_untaken(exchange),)
    return ("ack", "nack", "timeout", *untaken)


def _untaken(exchange: str) -> str:
    return "returned" if exchange in _TAKEN_IN_ANY_CASE else "unrouted"


class Publisher:
    """Publishes with confirms over a few channels, each replaced when it breaks or refuses.

    A channel remembers who led a quorum queue when it first published to it. If that was a node
    that has just been lost, RabbitMQ 3.10 asks this node again at each publish, which holds the
    channel up for seconds and ends in a nack, long after there is another leader. A new channel
    finds the new one. Where a queue may refuse for good, a channel is kept for `keep_channel_s`
    at least, so that not each refusal costs one.

    Over one of the `channels`, messages reach a queue in the order in which they are published.
    """

    def __init__(
        self, link: Link, *, keep_channel_s: float = 0.0, channels: int = _CHANNELS
    ) -> None:
        self._link = link
        self._keep_channel_s = keep_channel_s
        self._lanes: list[_Lane | None] = [None] * channels
        self._locks = [asyncio.Lock() for _ in range(channels)]
        self._turn = 0
        for exchange in (*_TAKEN_IN_ANY_CASE, *_TAKEN_BY_WHOEVER_IS_THERE, *_FOR_OTHERS):
            for outcome in _outcomes(exchange):
                BUS_PUBLISHED.labels(exchange, outcome)

    async def publish(self, message: Outgoing, timeout: float = PUBLISH_TIMEOUT_S) -> None:
        """Publish and wait until the broker has stored the message.

        `timeout` (seconds) covers the whole call, connecting included. Every attempt has a fresh
        AMQP message id: aiormq matches returned messages by it.

        Raises:
            PublishReturned: no queue took it; never on the public exchange of events.
            PublishRefused: a queue did not take it.
            PublishLost: the way to the broker ended; it may have been stored.
            PublishUnconfirmed: it may have been stored.
        """
        # Of one who is cancelled meanwhile nothing is known, and nothing is counted.
        outcome: str | None = None
        lane: _Lane | None = None
        try:
            async with within(timeout):
                lane = await self._lane()
                lane.waiting += 1
                exchange = await lane.exchange(message.exchange)
                await exchange.publish(
                    aio_pika.Message(
                        message.body,
                        message_id=uuid.uuid4().hex,
                        app_id=message.sender or self._link.sender,
                        headers=_headers(message),
                        type=message.type,
                        content_type=message.content_type,
                        delivery_mode=2 if message.persistent else 1,
                        expiration=message.expires_s,
                    ),
                    message.routing_key,
                    mandatory=message.exchange not in _FOR_OTHERS,
                )
            outcome = "ack"
        except PublishError as error:
            outcome = _untaken(message.exchange)
            raise PublishReturned(f"{message.exchange} {message.routing_key}") from error
        except TimeoutError as error:
            outcome = "timeout"
            self._give_up(lane)
            raise PublishUnconfirmed(f"no confirm within {timeout} s") from error
        except DeliveryError as error:
            outcome = "nack"
            self._give_up(lane)
            raise PublishRefused(f"{message.exchange} {message.routing_key}") from error
        except (BrokerUnavailable, *CONNECTION_ERRORS) as error:
            outcome = "nack"
            self._give_up(lane)
            raise PublishLost(repr(error)) from error
        finally:
            if outcome is not None:
                BUS_PUBLISHED.labels(message.exchange, outcome).inc()
            if lane is not None:
                lane.waiting -= 1
                if lane.given_up and not lane.waiting:
                    self._link.close_later(lane.channel)

    async def publish_all(
        self, messages: list[Outgoing], timeout: float = PUBLISH_TIMEOUT_S
    ) -> list[PublishReturned | PublishUnconfirmed | None]:
        """Publish several messages at once; the list says for each how it went (None: stored)."""
        results = await asyncio.gather(
            *(self.publish(message, timeout) for message in messages), return_exceptions=True
        )
        outcomes: list[PublishReturned | PublishUnconfirmed | None] = []
        for result in results:
            if isinstance(result, PublishReturned | PublishUnconfirmed) or result is None:
                outcomes.append(result)
            else:
                raise result
        return outcomes

    def close(self) -> None:
        """Give the channels up: nothing more is published here."""
        for lane in self._lanes:
            if lane is not None:
                self._give_up(lane)
                if not lane.waiting:
                    self._link.close_later(lane.channel)

    async def broker_answers(self, timeout: float) -> bool:
        """Tell whether the broker answers a publish that concerns no queue, within `timeout` s.

        It does not while one of its alarms blocks this connection, or the connection is lost.
        """
        try:
            await self.publish(Outgoing(REPLIES, _NOBODY, _NOBODY, b"", persistent=False), timeout)
        except PublishReturned:
            return True
        except PublishUnconfirmed:
            return False
        return True

    async def _lane(self) -> _Lane:
        turn = self._turn = (self._turn + 1) % len(self._lanes)
        lane = self._lanes[turn]
        if lane is None or lane.channel.is_closed:
            async with self._locks[turn]:
                lane = self._lanes[turn]
                if lane is None or lane.channel.is_closed:
                    lane = self._lanes[turn] = _Lane(await self._link.publish_channel(), {})
        return lane

    def _give_up(self, lane: _Lane | None) -> None:
        """Let nobody else begin on this channel; those who wait on it may still be answered."""
        if lane is not None and monotonic() - lane.opened_at >= self._keep_channel_s:
            lane.given_up = True
            self._lanes = [None if other is lane else other for other in self._lanes]
