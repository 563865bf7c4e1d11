"""The faults that are done to private nodes do what their names say."""

import asyncio
from collections.abc import Iterator

import aio_pika
import asyncpg
import pytest
from aio_pika.abc import AbstractChannel, AbstractQueue, FieldValue

from csms_local.nodes.private import PrivateNodes
from csms_shared.broker.topology import DELIVERY_LIMIT, SESSION_SERVICE, reports_queue
from tests.faults.broker_faults import BrokerFaults
from tests.faults.database_faults import DISK_FULL, DatabaseFaults, slow_commits
from tests.faults.proxy import Proxy
from tests.faults.scale import Scale
from tests.integration.waiting import eventually

_WORK = "fault-tests.reports.v1"
_PARKING = "fault-tests.parked.v1"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateNodes]:
    with PrivateNodes(tmp_path_factory.mktemp("nodes"), fsync=False) as nodes:
        yield nodes


async def _publish(channel: AbstractChannel, within_s: float) -> None:
    message = aio_pika.Message(b"x", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    async with asyncio.timeout(within_s):
        await channel.default_exchange.publish(message, "kept")


async def test_a_killed_broker_keeps_what_it_confirmed_and_an_alarm_blocks_publishers(
    nodes: PrivateNodes,
) -> None:
    broker = BrokerFaults(nodes)
    async with await aio_pika.connect(nodes.broker_url, timeout=10) as connection:
        channel = await connection.channel()
        await channel.declare_queue("kept", durable=True, arguments={"x-queue-type": "quorum"})
        await asyncio.sleep(2)  # younger, it may come back without a leader
        await _publish(channel, 10)
        await broker.kill()
        await broker.begin()
    await eventually(broker.queues, lambda queues: queues.get("kept") == 1)
    async with await aio_pika.connect(nodes.broker_url, timeout=10) as connection:
        channel = await connection.channel()
        async with broker.memory_alarm():
            with pytest.raises(TimeoutError):
                await _publish(channel, 2)
        await _publish(channel, 10)
    await broker.delete_queue("kept")
    assert await broker.queues() == {}


async def test_a_crashed_database_keeps_what_it_committed_and_raises_what_it_is_told(
    nodes: PrivateNodes,
) -> None:
    database = DatabaseFaults(nodes)
    one = await asyncpg.connect(nodes.database_url, timeout=10)
    await one.execute("CREATE TABLE kept (answer int)")
    await one.execute("INSERT INTO kept VALUES (42)")
    assert await database.terminate_connections() == 1
    broken = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
    with pytest.raises(broken):
        await one.execute("SELECT 1")
    await database.crash()
    await database.begin()
    async with Proxy.to(nodes.database_url) as path:
        one = await asyncpg.connect(path.url(nodes.database_url), timeout=10)
        assert await one.fetchval("SELECT answer FROM kept") == 42
        async with database.raising(DISK_FULL, "public.kept"):
            with pytest.raises(asyncpg.DiskFullError):
                await one.execute("INSERT INTO kept VALUES (43)")
        assert await database.raised() == 1
        async with database.locked("public.kept"):
            with pytest.raises(TimeoutError):
                await one.execute("INSERT INTO kept VALUES (43)", timeout=0.5)
        slow_commits(path, 0.5)
        started = asyncio.get_running_loop().time()
        async with one.transaction():
            for _ in range(5):
                await one.execute("INSERT INTO kept VALUES (44)")
        assert 0.5 <= asyncio.get_running_loop().time() - started < 5
        assert await one.fetchval("SELECT count(*) FROM kept WHERE answer = 44") == 5
        await one.close(timeout=5)


@pytest.mark.full_scale
async def test_what_was_delivered_too_often_stays_in_its_queue_until_parking_takes_it(
    nodes: PrivateNodes, scale: Scale
) -> None:
    assert scale.full
    broker = BrokerFaults(nodes)
    arguments: dict[str, FieldValue] = {**reports_queue(SESSION_SERVICE).arguments}
    async with await aio_pika.connect(nodes.broker_url, timeout=10) as connection:
        channel = await connection.channel()
        await channel.set_qos(1)
        arguments["x-dead-letter-routing-key"] = _PARKING
        work = await channel.declare_queue(_WORK, durable=True, arguments=arguments)
        message = aio_pika.Message(b"poison", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, _WORK, timeout=10)
        await _reject_until_gone(work)
        # Its target does not exist: it is kept by the queue that it came from.
        await eventually(broker.queues, lambda queues: queues.get(_WORK) == 1)
        target = await channel.declare_queue(
            _PARKING, durable=True, arguments={"x-queue-type": "quorum"}
        )
        await eventually(
            broker.queues,
            lambda queues: queues.get(_PARKING) == 1 and queues.get(_WORK) == 0,
            # The broker tries again every 3 minutes (RabbitMQ documentation, "Dead Lettering").
            300,
        )
        for queue in (work, target):
            await queue.delete(if_unused=False, if_empty=False)


async def _reject_until_gone(queue: AbstractQueue) -> None:
    for _ in range(DELIVERY_LIMIT + 1):
        message = await queue.get(timeout=10)
        assert message is not None
        await message.reject(requeue=True)
