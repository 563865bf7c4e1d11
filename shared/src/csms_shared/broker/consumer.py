"""Batch consumption: what has arrived while a transaction ran is the next transaction.

A handler gets a list of deliveries and returns when everything in them is durable; then they are
acknowledged. While the database is away the batch stays unacknowledged, the consumer is
cancelled, and the same batch is tried again: an outage never counts as a delivery.

What is left to do of a batch may have to wait for somebody else, and the next batch must not: a
handler may return the rest of its work, which is done beside the batches that follow.
"""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aiormq.abc import AbstractChannel as UnderlayChannel

from csms_shared.broker.consumer_notices import paused, resumed
from csms_shared.broker.declarations import Queue
from csms_shared.broker.deliveries import Delivery, sent_ms
from csms_shared.broker.errors import BrokerError, BrokerUnavailable, PublishUnconfirmed
from csms_shared.broker.link import (
    CONNECTION_ERRORS,
    Link,
    close_channel,
    losses_as_errors,
    within,
)
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.queue_state import QueueState, StateQuestion
from csms_shared.broker.splitting import Splitter
from csms_shared.broker.unacknowledged import NotSettled, Unacknowledged
from csms_shared.contracts.envelope import BATCH_MAX_ITEMS
from csms_shared.observability.metrics import BATCH_MESSAGES, BUS_CONSUMED, CONSUMER_PAUSED
from csms_shared.observability.system_notices import Tell, tell_nobody
from csms_shared.runtime.clock import monotonic, now_ms
from csms_shared.runtime.errors import Unavailable
from csms_shared.runtime.retrying import SHORTEST_PAUSE_S, until_available

__all__ = ["Consumer", "Delivery", "Handler", "Rest"]

log = structlog.get_logger(__name__)

OPERATION_TIMEOUT_S = 10.0
_OUTCOMES = ("ack", "split", "rejected")


Rest = Callable[[], Awaitable[None]]
"""Finishes a batch, which is acknowledged then; tried again like the handler that returned it."""

Handler = Callable[[list[Delivery]], Awaitable[Rest | None]]


class Consumer:
    """Consumes one queue for as long as `run` runs, over any loss of broker or queue.

    `prefetch` bounds the messages held unacknowledged. With `split_redelivered`, a redelivered
    batch of several items is published again item by item before it is acknowledged, so that an
    item that kills its consumer takes no neighbour with it to the parking queue.

    `gather_s` is for queues that nobody waits for: batches start at least so many seconds apart,
    and are so much bigger under load. After a quiet time a message is handled at once.

    `batch_messages` bounds a batch; with 1, each message is acknowledged by itself. `in_order`:
    messages are handled as the broker delivers them, also those that were delivered before; those
    one by one, and one that fails so is dead-lettered. `tell` takes the notices that it was paused
    and goes on.
    """

    def __init__(
        self,
        link: Link,
        queue: Queue,
        handler: Handler,
        *,
        prefetch: int,
        publisher: Publisher | None = None,
        on_lost: Callable[[], Awaitable[None]] | None = None,
        gather_s: float = 0.0,
        batch_messages: int = BATCH_MAX_ITEMS,
        in_order: bool = False,
        tell: Tell = tell_nobody,
    ) -> None:
        self._link = link
        self._in_order = in_order
        self._queue = queue
        self._handler = handler
        self._prefetch = prefetch
        self._splitter = (
            None if publisher is None else Splitter(publisher, queue.name, self._is_stopping)
        )
        self._on_lost = on_lost
        self._gather_s = gather_s
        self._batch_messages = batch_messages
        self._tell = tell
        self._paused_at = 0.0
        self._waiting: deque[Delivery] = deque()
        self._unacknowledged = Unacknowledged()
        self._begun = 0
        self._channel: UnderlayChannel | None = None
        self._state: StateQuestion | None = None
        self._wake = asyncio.Event()
        self._stopping = False
        self._paused = False
        self._consuming = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._handling = False
        self._rests: set[asyncio.Task[None]] = set()
        self._batches = 0
        self._unsettled: set[int] = set()
        label = queue.label
        self._taken = {outcome: BUS_CONSUMED.labels(label, outcome) for outcome in _OUTCOMES}
        self._batch_sizes = BATCH_MESSAGES.labels(label)
        self._paused_now = CONSUMER_PAUSED.labels(label)

    @property
    def consuming(self) -> bool:
        """Tell whether the broker delivers to this consumer now."""
        return self._consuming

    @property
    def paused_queue(self) -> str | None:
        """Return its queue while it takes nothing from it, because what it needs is away."""
        return self._queue.name if self._paused else None

    @property
    def term(self) -> int:
        """Return a number that grows whenever it begins to consume, or gives something back."""
        return self._begun + self._unacknowledged.returns

    async def run(self) -> None:
        """Consume until `stop` is called; every loss is followed by a new declaration."""
        while not self._stopping:
            with contextlib.suppress(BrokerError, *CONNECTION_ERRORS):
                await until_available(
                    BrokerError,
                    *CONNECTION_ERRORS,
                    on_failure=self._on_failure,
                    stopping=self._is_stopping,
                )(self._consume_until_lost)
            if self._stopping:
                break
            await self._tell_lost()
            # A queue that is lost as soon as it is consumed must not keep the loop busy.
            await asyncio.sleep(SHORTEST_PAUSE_S)

    def _is_stopping(self) -> bool:
        return self._stopping

    async def _on_failure(self, error: BaseException) -> None:
        log.warning("consumer_lost", queue=self._queue.name, error=repr(error))
        await self._tell_lost()

    async def _tell_lost(self) -> None:
        if self._on_lost is not None:
            await self._on_lost()

    async def stop(self, within_s: float = 10.0) -> None:
        """Finish the batches that are begun, at most `within_s` seconds, and give the rest back."""
        self._stopping = True
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._idle.wait()

    async def wait_until_settled(self) -> QueueState:
        """Wait until all that the broker had sent here before the call is settled.

        Return the queue as it was at a moment between the call and the wait.

        Raises:
            NotSettled: this consumer does not consume, or has given something back meanwhile.
        """
        returns = self._unacknowledged.returns
        question = self._state
        if question is None or not self._consuming:
            raise NotSettled("it does not consume")
        state = await question.ask()
        if state is None:
            raise NotSettled("the broker does not tell the queue's state")
        # What was read before the answer is with `_on_message` two turns of the loop later.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await self._unacknowledged.settled()
        if not self.consuming or returns != self._unacknowledged.returns:
            raise NotSettled("something went back to the queue")
        return state

    async def _consume_until_lost(self) -> None:
        with losses_as_errors():
            await self._consume_once()

    async def _consume_once(self) -> None:
        parking = (self._queue.parking,) if self._queue.parking else ()
        await self._link.declare(*parking, self._queue)
        async with within(OPERATION_TIMEOUT_S):
            channel = await self._link.consume_channel(self._prefetch)
        try:
            queue = await channel.get_queue(self._queue.name, ensure=False)
            underlay = await channel.get_underlay_channel()
            self._channel = underlay
            self._state = StateQuestion(underlay, self._queue.name)
            lost = asyncio.Event()

            def on_cancelled(*_: object) -> None:
                lost.set()
                self._wake.set()

            # The broker cancels consumers whose queue was deleted or has moved.
            underlay.on_consumer_cancel_callbacks.add(on_cancelled)
            underlay.closing.add_done_callback(on_cancelled)
            tag = await self._start(queue)
            began = monotonic() - self._gather_s
            while not lost.is_set() and not self._stopping:
                if not self._waiting:
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                early = began + self._gather_s - monotonic()
                if early > 0 and len(self._waiting) < self._prefetch // 2:
                    await asyncio.sleep(early)
                began = monotonic()
                batch = self._take()
                self._idle.clear()
                self._handling = True
                try:
                    tag = await self._handle(batch, queue, tag)
                finally:
                    self._handling = False
                    self._tell_idle()
            if self._stopping and self._rests:
                await asyncio.wait(self._rests)
        finally:
            self._consuming = False
            self._channel = None
            self._state = None
            self._waiting.clear()
            self._unacknowledged.give_all_back()
            # What they are about is delivered again, here or elsewhere.
            for rest in self._rests:
                rest.cancel()
            self._unsettled.clear()
            await _close(channel, _ENDING_TIMEOUT_S if _is_cancelled() else OPERATION_TIMEOUT_S)

    async def _start(self, queue: AbstractQueue) -> str:
        # Not aiormq's own time-out: it loses a cancellation that comes with the answer.
        async with within(OPERATION_TIMEOUT_S):
            tag = await queue.consume(partial(self._on_message, self._channel))
        # Not before: who has seen this term has seen a consumer that the broker counts.
        self._begun += 1
        self._consuming = True
        return tag

    async def _on_message(
        self, channel: UnderlayChannel | None, message: AbstractIncomingMessage
    ) -> None:
        if channel is not self._channel:
            # Its channel is being given up, and it goes back with it: before whatever comes next.
            return
        delivery = Delivery(
            message.type or "",
            message.routing_key or "",
            message.body,
            bool(message.redelivered),
            message,
            self._ahead_ms(message),
        )
        self._waiting.append(delivery)
        self._unacknowledged.add(delivery)
        self._wake.set()

    def _ahead_ms(self, message: AbstractIncomingMessage) -> int:
        sent = sent_ms(message)
        if message.app_id is None or sent is None:
            return 0
        return self._link.sender_clocks.ahead_ms(message.app_id, sent, now_ms())

    def _take(self) -> list[Delivery]:
        """Return all that has arrived, or a few by chance of what has been here before.

        The broker counts a delivery for everything that a dying consumer held. In small groups by
        chance, the neighbours of what kills it are soon acknowledged, long before their limit.
        Where the order counts, the first one is taken alone.
        """
        again = [number for number, one in enumerate(self._waiting) if one.redelivered]
        if again and self._in_order:
            return [self._waiting.popleft()]
        if again:
            size = max(1, min(self._batch_messages, len(again) // _REDELIVERED_GROUPS))
            chosen = set(random.sample(again, size))
            taken = [one for number, one in enumerate(self._waiting) if number in chosen]
            rest = [one for number, one in enumerate(self._waiting) if number not in chosen]
            self._waiting = deque(rest)
            return taken
        batch: list[Delivery] = []
        size = 0
        most = self._batch_messages
        while self._waiting and len(batch) < most and size < _TAKE_MAX_BYTES:
            delivery = self._waiting.popleft()
            size += len(delivery.body)
            batch.append(delivery)
        return batch

    async def _handle(self, batch: list[Delivery], queue: AbstractQueue, tag: str) -> str:
        try:
            batch = await self._split(batch)
        except PublishUnconfirmed:
            # Stopping: unacknowledged, it goes back to the queue with the channel.
            return tag
        if not batch:
            return tag

        async def pause(error: BaseException) -> None:
            if not self._paused:
                self._pause(True)
                self._paused_at = monotonic()
                log.warning("consumer_paused", queue=self._queue.name, error=str(error))
                self._tell(paused(self._queue.name, error))
            # In order, whoever consumed instead would overtake what is held here.
            if self._consuming and not self._in_order:
                self._consuming = False
                try:
                    async with within(OPERATION_TIMEOUT_S):
                        await queue.cancel(tag)
                except CONNECTION_ERRORS as lost:
                    raise BrokerUnavailable(f"lost while pausing: {lost!r}") from lost

        self._batches += 1
        number = self._batches
        self._unsettled.add(number)
        rest: Rest | None
        try:
            rest = await until_available(Unavailable, on_failure=pause, stopping=self._is_stopping)(
                self._handler, batch
            )
        except BrokerUnavailable:
            raise
        except Unavailable:
            # Stopping: unacknowledged, it goes back to the queue with the channel.
            return tag
        except Exception:
            log.exception("batch_failed", queue=self._queue.name)
            await self._hand_back(batch, number)
        else:
            if rest is None:
                await self._acknowledge(batch, number)
            else:
                self._finish_beside(rest, batch, number)
        if self._paused:
            self._pause(False)
            log.info("consumer_resumed", queue=self._queue.name)
            self._tell(resumed(self._queue.name, monotonic() - self._paused_at))
            return tag if self._consuming else await self._start(queue)
        return tag

    def _finish_beside(self, rest: Rest, batch: list[Delivery], number: int) -> None:
        task = asyncio.create_task(self._finish(rest, batch, number))
        self._rests.add(task)
        task.add_done_callback(self._forget_rest)

    def _forget_rest(self, task: asyncio.Task[None]) -> None:
        self._rests.discard(task)
        self._tell_idle()

    def _tell_idle(self) -> None:
        if not self._handling and not self._rests:
            self._idle.set()

    async def _finish(self, rest: Rest, batch: list[Delivery], number: int) -> None:
        settle = self._acknowledge
        try:
            with losses_as_errors():
                await until_available(Unavailable, stopping=self._is_stopping)(rest)
        except Unavailable:
            # Stopping: unacknowledged, it goes back to the queue with the channel.
            return
        except Exception:
            log.exception("batch_failed", queue=self._queue.name)
            settle = self._hand_back
        # Where the channel is lost, the batch has gone back with it.
        with contextlib.suppress(*CONNECTION_ERRORS):
            await settle(batch, number)

    async def _hand_back(self, batch: list[Delivery], number: int) -> None:
        if self._in_order and not batch[0].redelivered:
            # What is held behind it would overtake it: all goes back, and is taken one by one.
            raise BrokerUnavailable("a batch failed: everything is handed back in order")
        # Our own defect outside any one item: counted by the delivery limit. What failed alone
        # leaves the order at once, because what is held behind it would be counted with it.
        requeue = not self._in_order
        await asyncio.gather(*(delivery.message.reject(requeue=requeue) for delivery in batch))
        # Kept until the broker is told, before anything that is asked on the channel after that.
        self._unacknowledged.give_back(batch)
        self._unsettled.discard(number)
        self._taken["rejected"].inc(len(batch))
        await asyncio.sleep(SHORTEST_PAUSE_S)

    async def _acknowledge(self, batch: list[Delivery], number: int) -> None:
        self._unacknowledged.settle(batch)
        if any(delivery.redelivered for delivery in batch) or number > min(self._unsettled):
            # Taken out of order, or settled out of order: older ones may still wait.
            for delivery in batch:
                await delivery.message.ack()
        else:
            # Fresh ones are taken in order, after all older ones: one acknowledgement covers them.
            await batch[-1].message.ack(multiple=True)
        self._unsettled.discard(number)
        self._taken["ack"].inc(len(batch))
        self._batch_sizes.observe(len(batch))

    def _pause(self, paused: bool) -> None:
        # Several consumers may share a queue and its label.
        self._paused_now.inc(int(paused) - int(self._paused))
        self._paused = paused

    async def _split(self, batch: list[Delivery]) -> list[Delivery]:
        """Return what is handled as it came."""
        if self._splitter is None:
            return batch
        whole: list[Delivery] = []
        for delivery in batch:
            if not await self._splitter.split(delivery):
                whole.append(delivery)
                continue
            self._unacknowledged.give_back((delivery,))
            await delivery.message.ack()
            self._taken["split"].inc()
        return whole


# Of the redelivered, this part is handled at once: so many that a restart is soon over, so few
# that twenty deaths leave a neighbour in a group with their cause, or behind it, once in 100,000.
_REDELIVERED_GROUPS = 8
# Some 400 calls with meter values. All consumers of a process take turns: what one of them does
# with a batch at a stretch, the decisions of another wait for at each exchange with the database.
_TAKE_MAX_BYTES = 256 * 1024


# The connection is closed next, which hands everything back too.
_ENDING_TIMEOUT_S = 1.0


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _close(channel: AbstractChannel, within_s: float) -> None:
    """Close the channel; a cancellation meanwhile leaves it `_ENDING_TIMEOUT_S` to be closed."""
    closing = asyncio.create_task(close_channel(channel, within_s))
    try:
        await asyncio.shield(closing)
    except asyncio.CancelledError:
        await asyncio.wait((closing,), timeout=_ENDING_TIMEOUT_S)
        raise
    finally:
        closing.cancel()
