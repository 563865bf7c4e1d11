"""Who is cancelled in the moment in which a connection ends, ends too."""

import asyncio
from types import SimpleNamespace
from typing import Any

import aio_pika
import pytest
from aio_pika.exceptions import ChannelNotFoundEntity
from aio_pika.queue import Queue
from broker_fakes import Recorder, new_queue, numbers_for
from prometheus_client import REGISTRY

from csms_shared.broker.attendance import unattended
from csms_shared.broker.consumer import Consumer
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.runtime.errors import Unavailable


async def _hang(begun: asyncio.Event, error: Exception) -> None:
    """Wait, and raise `error` when cancelled, as aiormq does (`TaskWrapper`)."""
    try:
        begun.set()
        await asyncio.Event().wait()
    except asyncio.CancelledError as cancelled:
        raise error from cancelled


async def _ends(task: "asyncio.Task[Any]") -> bool:
    """Cancel a task once, and tell whether it ends of that."""
    task.cancel()
    await asyncio.wait([task], timeout=3)
    ended = task.done() and task.cancelled()
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1)
    return ended


async def test_a_consumer_that_is_cancelled_while_it_pauses_ends(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    pausing = asyncio.Event()

    async def cancel(*_: object, **__: object) -> None:
        await _hang(pausing, ConnectionResetError("the connection has ended"))

    monkeypatch.setattr(Queue, "cancel", cancel)
    queue, publisher = new_queue(), Publisher(link)
    await link.declare(queue)
    await publisher.publish(numbers_for(queue, 1))
    consumer = Consumer(link, queue, Recorder([Unavailable("away")]), prefetch=20)
    running = asyncio.create_task(consumer.run())
    async with asyncio.timeout(20):
        await pausing.wait()
    assert await _ends(running)


@pytest.mark.parametrize("operation", ["consume", "cancel"])
async def test_a_consumer_that_is_cancelled_with_the_broker_s_answer_ends(
    link: Link, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    asked = asyncio.Event()
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def ask(*_: object, timeout: float | None = None, **__: object) -> str:
        # What aiormq does with a time-out (`Countdown`).
        asked.set()
        return await asyncio.wait_for(answer, timeout)

    monkeypatch.setattr(Queue, operation, ask)
    queue, publisher = new_queue(), Publisher(link)
    await link.declare(queue)
    await publisher.publish(numbers_for(queue, 1))
    failures: list[Exception] = [Unavailable("away") for _ in range(1000)]
    consumer = Consumer(link, queue, Recorder(failures), prefetch=20)
    running = asyncio.create_task(consumer.run())
    async with asyncio.timeout(20):
        await asked.wait()
    answer.set_result("tag")
    assert await _ends(running)


async def test_who_asks_for_consumers_and_is_cancelled_ends_though_a_queue_is_gone() -> None:
    asked = asyncio.Event()

    async def declare_queue(*_: object, **__: object) -> None:
        await _hang(asked, ChannelNotFoundEntity("no queue"))

    async def close() -> None:
        """Close at once."""

    async def consume_channel(prefetch: int) -> SimpleNamespace:
        return SimpleNamespace(is_closed=False, declare_queue=declare_queue, close=close)

    link = SimpleNamespace(consume_channel=consume_channel)
    asking = asyncio.create_task(unattended(link, ["gone"]))  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        await asked.wait()
    assert await _ends(asking)


async def _set_qos(**_: object) -> None:
    """Set nothing."""


class _Connection:
    """As much of a connection as a link looks at; it stands still when it is closed."""

    def __init__(self) -> None:
        self.is_closed = False
        self.transport = SimpleNamespace(
            connection=SimpleNamespace(is_opened=True, channel=_set_qos)
        )
        self.closing = asyncio.Event()

    async def channel(self, **_: object) -> SimpleNamespace:
        return SimpleNamespace(set_qos=_set_qos)

    async def close(self) -> None:
        await _hang(self.closing, ConnectionResetError("the connection has ended"))


async def test_both_connections_are_closed_where_there_is_no_time_for_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[_Connection] = []

    async def connect(*_: object, **__: object) -> _Connection:
        opened.append(_Connection())
        return opened[-1]

    monkeypatch.setattr(aio_pika, "connect", connect)
    link = Link("amqp://nobody", "test")
    await link.publish_channel()
    await link.consume_channel(1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await link.close()
    assert [one.closing.is_set() for one in opened] == [True, True]


async def test_a_publish_that_is_given_up_is_not_counted_as_confirmed() -> None:
    def counted(outcome: str) -> float:
        labels = {"exchange": DEFAULT_EXCHANGE, "outcome": outcome}
        return REGISTRY.get_sample_value("csms_bus_publish_total", labels) or 0.0

    begun = asyncio.Event()

    async def publish_channel() -> None:
        await _hang(begun, ConnectionResetError("the connection has ended"))

    link = SimpleNamespace(publish_channel=publish_channel, sender="test")
    publisher = Publisher(link)  # type: ignore[arg-type]
    before, none_before = counted("ack"), counted("None")
    publishing = asyncio.create_task(
        publisher.publish(Outgoing(DEFAULT_EXCHANGE, "nobody", "test.v1", b""))
    )
    async with asyncio.timeout(10):
        await begun.wait()
    assert await _ends(publishing)
    assert (counted("ack"), counted("None")) == (before, none_before)
