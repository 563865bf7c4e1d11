"""Channels that are given up: whoever is cancelled meanwhile ends, and nothing overtakes."""

import asyncio
from typing import Any

import pytest
from aio_pika.queue import Queue
from aiormq.channel import Channel
from broker_fakes import Recorder, new_queue, numbers_for, until

from csms_shared.broker import consumer as consumer_module
from csms_shared.broker.attendance import unattended
from csms_shared.broker.consumer import Consumer
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.runtime.errors import Unavailable


def _cancel_with_close_ok(
    monkeypatch: pytest.MonkeyPatch, task: "asyncio.Task[Any]", turns: int
) -> asyncio.Event:
    """Cancel `task` so many turns of the loop after a channel's CloseOk was read."""
    came = asyncio.Event()
    original = Channel._on_close_ok_frame

    async def on_close_ok(self: Channel, frame: Any) -> None:
        loop = asyncio.get_running_loop()

        def later(left: int) -> None:
            if left:
                loop.call_soon(later, left - 1)
            elif not task.done():
                task.cancel()

        if not came.is_set():
            came.set()
            later(turns)
        await original(self, frame)

    monkeypatch.setattr(Channel, "_on_close_ok_frame", on_close_ok)
    return came


@pytest.mark.parametrize("turns", range(6))
async def test_who_asks_for_consumers_and_is_cancelled_as_the_channel_closes_ends(
    link: Link, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    queue = new_queue()
    await link.declare(queue)

    async def asks() -> None:
        await unattended(link, [queue.name])
        await asyncio.Event().wait()

    task = asyncio.create_task(asks())
    _cancel_with_close_ok(monkeypatch, task, turns)
    await asyncio.wait([task], timeout=10)
    ended = task.cancelled()
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert ended


@pytest.mark.parametrize("turns", range(6))
async def test_a_consumer_that_is_cancelled_as_it_has_declared_its_queue_ends(
    link: Link, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    consumer = Consumer(link, new_queue(), Recorder(), prefetch=20)
    task = asyncio.create_task(consumer.run())
    came = _cancel_with_close_ok(monkeypatch, task, turns)
    await until(came.is_set)
    await asyncio.wait([task], timeout=10)
    ended, consuming = task.done(), consumer.consuming
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1)
    assert ended, f"it goes on, consuming: {consuming}"


async def test_a_consumer_that_was_lost_while_it_paused_is_one_consumer_afterwards(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, lost = Queue.cancel, asyncio.Event()

    async def cancel(self: Queue, *args: Any, **options: Any) -> Any:
        if not lost.is_set():
            lost.set()
            raise ConnectionResetError("the connection has ended")
        return await original(self, *args, **options)

    monkeypatch.setattr(Queue, "cancel", cancel)
    queue, publisher = new_queue(), Publisher(link)
    await link.declare(queue)
    await publisher.publish(numbers_for(queue, 1))
    recorder = Recorder([Unavailable("away")])
    consumer = Consumer(link, queue, recorder, prefetch=20)
    running = asyncio.create_task(consumer.run())
    try:
        await recorder.wait_for(1)
        # Handled after it has gone on from the pause.
        await publisher.publish(numbers_for(queue, 2))
        await recorder.wait_for(2)
        channel = await link.consume_channel(1)
        found = await channel.declare_queue(queue.name, passive=True)
        consumers = found.declaration_result.consumer_count
    finally:
        await consumer.stop()
        await asyncio.wait([running], timeout=10)
    assert consumers == 1


async def test_a_consumer_that_was_lost_while_it_paused_does_not_consume_while_it_still_waits(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, lost = Queue.cancel, asyncio.Event()

    async def cancel(self: Queue, *args: Any, **options: Any) -> Any:
        if not lost.is_set():
            lost.set()
            raise ConnectionResetError("the connection has ended")
        return await original(self, *args, **options)

    monkeypatch.setattr(Queue, "cancel", cancel)
    queue, publisher = new_queue(), Publisher(link)
    await link.declare(queue)
    await publisher.publish(numbers_for(queue, 1))
    recorder = Recorder([Unavailable("away") for _ in range(1000)])
    consumer = Consumer(link, queue, recorder, prefetch=20)
    running = asyncio.create_task(consumer.run())
    try:
        # It pauses again before it tries a third time.
        await until(lambda: len(recorder.failures) < 997)
        consuming = consumer.consuming
    finally:
        running.cancel()
        await asyncio.wait([running], timeout=10)
    assert not consuming


async def test_what_comes_while_a_channel_is_given_up_does_not_overtake_what_went_back(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, publisher = new_queue(), Publisher(link)
    await link.declare(queue)
    close, closed = consumer_module._close, 0

    async def close_slowly(*args: Any) -> None:
        # A broker that goes on delivering for a moment, before it reads of the end.
        nonlocal closed
        closed += 1
        if closed == 1:
            await publisher.publish(numbers_for(queue, 2))
            await asyncio.sleep(0.3)
        await close(*args)

    monkeypatch.setattr(consumer_module, "_close", close_slowly)
    await publisher.publish(numbers_for(queue, 1))
    recorder = Recorder([ValueError("fails once")])
    consumer = Consumer(link, queue, recorder, prefetch=20, in_order=True)
    running = asyncio.create_task(consumer.run())
    try:
        await recorder.wait_for(2)
    finally:
        await consumer.stop()
        await asyncio.wait([running], timeout=10)
    assert recorder.items == [1, 2]
