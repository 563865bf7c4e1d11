"""One process's way to RabbitMQ: two connections, made again when they break."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator
from functools import partial
from types import TracebackType
from typing import Self

import aio_pika
import aiormq
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import AMQPError

from csms_shared.broker.declarations import Queue
from csms_shared.broker.errors import BrokerUnavailable
from csms_shared.broker.sender_clocks import SenderClocks
from csms_shared.broker.topology import EXCHANGES

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT_S = 5.0
# A broker that stands still is given up after three of them. RabbitMQ advises 5 to 20 s.
HEARTBEAT_S = 6
# When a message was sent, in milliseconds since the epoch by its sender's clock.
SENT_HEADER = "sent_ms"
# What aio-pika raises for a broker that is away or going away.
CONNECTION_ERRORS = (AMQPError, ConnectionError, OSError, TimeoutError, RuntimeError)


@contextlib.contextmanager
def losses_as_errors() -> Iterator[None]:
    """Raise ConnectionError where a connection is given up by the way.

    aiormq ends a half-open connection after missed heartbeats and then raises CancelledError in
    whatever waits on it. Let through, that ends a task that nobody cancelled, and no one learns
    of it. The other way round, it raises what ended a connection in place of the CancelledError of
    who is cancelled in the same moment, or nothing at all where a channel closes then: taken for a
    loss, or for an answer, that task would go on for ever.
    """
    task = asyncio.current_task()
    cancelled_before = task.cancelling() if task is not None else 0
    try:
        yield
    except asyncio.CancelledError as error:
        if task is None or task.cancelling():
            raise
        raise ConnectionAbortedError("the connection was given up") from error
    except CONNECTION_ERRORS as error:
        if task is not None and task.cancelling() > cancelled_before:
            raise asyncio.CancelledError from error
        raise
    else:
        if task is not None and task.cancelling() > cancelled_before:
            raise asyncio.CancelledError


@contextlib.asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Allow the broker so much time, with `losses_as_errors`; TimeoutError afterwards."""
    async with asyncio.timeout(seconds):
        with losses_as_errors():
            yield


class _Connection:
    """One AMQP connection that is opened when needed and again after it broke."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._lock = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self.opened = 0

    async def get(self) -> AbstractConnection:
        """Return the open connection.

        Raises:
            BrokerUnavailable: it could not be opened within `CONNECT_TIMEOUT_S`.
        """
        if self._connection is not None and _is_open(self._connection):
            return self._connection
        async with self._lock:
            if self._connection is not None and _is_open(self._connection):
                return self._connection
            try:
                async with within(CONNECT_TIMEOUT_S):
                    self._connection = await aio_pika.connect(
                        self._url,
                        client_properties={"connection_name": self._name},
                        heartbeat=HEARTBEAT_S,
                    )
                    _let_no_channel_hold_up_others(self._connection)
            except CONNECTION_ERRORS as error:
                raise BrokerUnavailable(f"cannot connect to the broker: {error!r}") from error
            self.opened += 1
            return self._connection

    def is_open(self) -> bool:
        return self._connection is not None and _is_open(self._connection)

    def broker_version(self) -> str | None:
        if self._connection is None or not _is_open(self._connection):
            return None
        assert self._connection.transport is not None, "it is open"
        underlay = self._connection.transport.connection
        assert isinstance(underlay, aiormq.Connection)
        version = underlay.server_properties.get("version")
        return version.decode() if isinstance(version, bytes) else str(version)

    async def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(*CONNECTION_ERRORS):
                async with within(CONNECT_TIMEOUT_S):
                    await self._connection.close()


def _is_open(connection: AbstractConnection) -> bool:
    # aio-pika's own `is_closed` speaks only of closing from this side.
    transport = connection.transport
    return not connection.is_closed and transport is not None and transport.connection.is_opened


def _let_no_channel_hold_up_others(connection: AbstractConnection) -> None:
    """Give the channels of a connection room for all that comes for them.

    aiormq reads no further for any channel while one has ten frames waiting. A channel that was
    given up waits for the broker's CloseOk with nobody reading it, so that deliveries on their
    way to it would hold the whole connection up until its heartbeats are missed. What may wait
    is bounded all the same: by prefetch, and by what is unconfirmed.
    """
    assert connection.transport is not None, "it has just been opened"
    underlay = connection.transport.connection
    underlay.channel = partial(underlay.channel, frame_buffer_size=0)  # type: ignore[method-assign]


class Link:
    """The two connections of one process.

    Publishing and consuming have one each: a broker alarm blocks connections that publish, and
    consumers must go on then (RabbitMQ documentation, "Alarms"). `sender` names this life of this
    process in every message, `sender_clocks` knows the clocks of the others.
    """

    def __init__(self, url: str, name: str) -> None:
        self.sender = f"{name}.{uuid.uuid4().hex[:12]}"
        self.sender_clocks = SenderClocks()
        self._publish = _Connection(url, f"{name} publish")
        self._consume = _Connection(url, f"{name} consume")
        # Several consumers that declare one queue at once make RabbitMQ 3.10 start a consumer
        # on a queue whose process does not run yet, which costs the connection.
        self._declaring = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def publish_channel(self) -> AbstractChannel:
        """Open a channel with publisher confirms, on which a returned message raises."""
        connection = await self._publish.get()
        return await connection.channel(publisher_confirms=True, on_return_raises=True)

    def close_later(self, channel: AbstractChannel) -> None:
        """Close a channel that nobody waits on any more, without waiting for a slow broker."""
        task = asyncio.create_task(close_channel(channel, CONNECT_TIMEOUT_S))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def consume_channel(self, prefetch: int) -> AbstractChannel:
        """Open a channel for one consumer with `prefetch` unacknowledged messages at most."""
        connection = await self._consume.get()
        channel = await connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=prefetch)
        return channel

    @property
    def opened(self) -> int:
        """Count the connections opened so far; a change means that one was lost and made anew."""
        return self._publish.opened + self._consume.opened

    def is_open(self) -> bool:
        """Tell whether both connections were open when last used."""
        return self._publish.is_open() and self._consume.is_open()

    def broker_version(self) -> str | None:
        """Return the version that the broker said to be of, None while there is no connection."""
        return self._publish.broker_version()

    async def declare(self, *queues: Queue) -> None:
        """Declare the exchanges and `queues` with their bindings; idempotent.

        Raises:
            BrokerUnavailable: the broker is away, or refused a declaration.
        """
        try:
            # The time counts from one's own turn: at a slow broker the last in the queue of
            # declarations would otherwise give up, lose its channel, and come again.
            async with self._declaring, within(CONNECT_TIMEOUT_S * 2):
                connection = await self._consume.get()
                # A throw-away channel: a refused declaration closes the channel it was made on.
                async with connection.channel(publisher_confirms=False) as channel:
                    for exchange in EXCHANGES:
                        await channel.declare_exchange(exchange.name, exchange.type, durable=True)
                    for queue in queues:
                        await _declare_queue(channel, queue)
        except CONNECTION_ERRORS as error:
            raise BrokerUnavailable(f"cannot declare the topology: {error!r}") from error

    async def messages_waiting(self, *queues: Queue) -> dict[str, int]:
        """Return how many messages of each queue, by its name, no consumer has been given yet.

        Raises:
            BrokerUnavailable: the broker is away, or a queue is missing.
        """
        try:
            async with within(CONNECT_TIMEOUT_S * 2):
                connection = await self._consume.get()
                async with connection.channel(publisher_confirms=False) as channel:
                    found = [
                        await channel.declare_queue(queue.name, passive=True) for queue in queues
                    ]
        except CONNECTION_ERRORS as error:
            raise BrokerUnavailable(f"cannot ask for the queues' lengths: {error!r}") from error
        return {one.name: one.declaration_result.message_count or 0 for one in found}

    async def close(self) -> None:
        """Close both connections; what is unacknowledged goes back to its queue."""
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        # At once: what time there is must not all go to one that does not answer.
        await asyncio.gather(self._publish.close(), self._consume.close())


async def close_channel(channel: AbstractChannel, within_s: float) -> None:
    """Close a channel; one that is lost already, or not closed in time, is let go."""
    with contextlib.suppress(*CONNECTION_ERRORS):
        async with within(within_s):
            await channel.close()


async def _declare_queue(channel: AbstractChannel, queue: Queue) -> None:
    declared = await channel.declare_queue(
        queue.name, durable=True, arguments=dict(queue.arguments)
    )
    for binding in queue.bindings:
        await declared.bind(binding.exchange, binding.routing_key)
    for former in queue.former:
        await declared.unbind(former.exchange, former.routing_key)
