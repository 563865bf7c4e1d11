"""What is used of aio-pika and aiormq that is not public (docs/private-apis.md)."""

import asyncio
import contextlib
import inspect
import uuid
from collections.abc import AsyncIterator

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from aiormq.channel import Channel
from aiormq.connection import Connection

from csms_shared.broker.link import Link, losses_as_errors, within


@pytest.fixture
async def link(broker_url: str) -> AsyncIterator[Link]:
    async with Link(broker_url, "private-apis") as opened:
        yield opened


async def test_a_frame_buffer_of_0_has_no_bound(broker_url: str, link: Link) -> None:
    assert inspect.signature(Connection.channel).parameters["frame_buffer_size"].default == 10
    unbounded = await (await link.consume_channel(1)).get_underlay_channel()
    assert isinstance(unbounded, Channel)
    assert (unbounded.frames.maxsize, unbounded.rpc_frames.maxsize) == (0, 0)
    async with await aio_pika.connect(broker_url) as connection:
        bounded = await (await connection.channel()).get_underlay_channel()
        assert isinstance(bounded, Channel)
        assert (bounded.frames.maxsize, bounded.rpc_frames.maxsize) == (10, 10)


async def test_aio_pika_opens_its_channels_by_the_connection_beneath(broker_url: str) -> None:
    async with await aio_pika.connect(broker_url) as connection:
        assert connection.transport is not None
        underlay = connection.transport.connection
        channel = await (await connection.channel()).get_underlay_channel()
        assert isinstance(channel, Channel)
        assert channel.connection is underlay
        assert underlay.is_opened
        await underlay.close()
        assert not underlay.is_opened


async def test_a_channel_tells_of_cancelled_consumers_and_of_its_end(link: Link) -> None:
    channel = await link.consume_channel(1)
    underlay = await channel.get_underlay_channel()
    cancelled, closed = asyncio.Event(), asyncio.Event()
    underlay.on_consumer_cancel_callbacks.add(lambda *_: cancelled.set())
    underlay.closing.add_done_callback(lambda _: closed.set())
    queue = await channel.declare_queue(f"private-apis-{uuid.uuid4().hex}", auto_delete=True)
    await queue.consume(_take)
    await queue.delete(if_unused=False)
    async with asyncio.timeout(10):
        await cancelled.wait()
        assert not closed.is_set()
        await channel.close()
        await closed.wait()


async def test_a_loss_is_no_cancellation() -> None:
    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    lost.cancel()
    with pytest.raises(ConnectionAbortedError), losses_as_errors():
        await lost


async def test_a_cancellation_is_no_loss_though_the_library_says_so() -> None:
    waiting = asyncio.Event()
    over = False

    async def ask() -> None:
        try:
            waiting.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            # As aiormq does where its connection ends in the same moment (`TaskWrapper`).
            raise ConnectionResetError("the connection has ended") from error

    async def try_again() -> None:
        while not over:
            with contextlib.suppress(ConnectionError):
                async with within(60):
                    await ask()

    task = asyncio.create_task(try_again())
    await waiting.wait()
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=10)
    # One that has lost its cancellation fails the test, and does not hold it up for ever.
    over = True
    task.cancel()
    assert done
    assert task.cancelled()


async def test_a_loss_after_a_cancellation_is_still_a_loss() -> None:
    async def end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            with pytest.raises(ConnectionResetError), losses_as_errors():
                raise ConnectionResetError
            ended.set()

    ended = asyncio.Event()
    task = asyncio.create_task(end())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert ended.is_set()
    assert task.cancelled()


async def _take(_: AbstractIncomingMessage) -> None:
    """Take nothing: none comes."""
