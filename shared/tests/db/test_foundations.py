"""Migrations, isolation of bad items, the outbox and upkeep against a real PostgreSQL."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import asyncpg
import orjson
import pytest
from sqlalchemy import MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import (
    COMMAND_ORDERS_KEY,
    EVENTS,
    REQUESTS,
    Binding,
    command_completed_key,
    incarnation_queue,
)
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.envelope import BATCH_MAX_ITEMS
from csms_shared.contracts.events import CloudEvent, event_id
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.orders import CommandOrder, CommandOrderBatch
from csms_shared.db.engine import create_engine, in_transaction, is_infrastructure
from csms_shared.db.isolation import apply_isolated
from csms_shared.db.migrate import migrate, missing_migrations
from csms_shared.db.orders import write_orders
from csms_shared.db.outbox import OutboxRelay, write_events
from csms_shared.db.tables import outbox_table
from csms_shared.db.upkeep import UpkeepTask, run_upkeep
from csms_shared.errors import Unavailable

POOL = 3
ENV = "from csms_shared.db.migrate import run_environment\n\nrun_environment()\n"
REVISION = """
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE TABLE number (n int PRIMARY KEY CHECK (n <> 13))")
    op.execute(
        "CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
        "routing_key text NOT NULL, events bytea NOT NULL, event_count int NOT NULL, "
        "created_at timestamptz NOT NULL DEFAULT now(), published_at timestamptz)"
    )
"""


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(ENV)
    (tmp_path / "versions" / "0001_first.py").write_text(REVISION)
    return tmp_path


def _as_role(url: str, role: str) -> str:
    host = url.rpartition("@")[2]
    return f"postgresql://{role}:secret-of-{role}@{host}"


@pytest.fixture
async def engine(fresh_database_url: str, scripts: Path) -> AsyncIterator[AsyncEngine]:
    url = _as_role(fresh_database_url, "test_numbers")
    await migrate(fresh_database_url, url, "numbers", scripts)
    created = create_engine(url, "numbers", name="test", pool_size=POOL)
    yield created
    await created.dispose()


async def _insert(connection: AsyncConnection, numbers: Sequence[int]) -> list[int]:
    await connection.execute(
        text("INSERT INTO number SELECT unnest(CAST(:n AS int[]))"), {"n": list(numbers)}
    )
    return list(numbers)


async def _numbers(engine: AsyncEngine) -> list[int]:
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT n FROM number ORDER BY n"))
        return [row.n for row in rows]


async def test_migrating_twice_at_once_is_the_same_as_once(
    fresh_database_url: str, scripts: Path
) -> None:
    url = _as_role(fresh_database_url, "test_numbers")
    await asyncio.gather(*(migrate(fresh_database_url, url, "numbers", scripts) for _ in range(2)))
    engine = create_engine(url, "numbers", name="test", pool_size=1)
    assert await missing_migrations(engine, "numbers", scripts) is None
    await engine.dispose()


async def test_a_missing_migration_is_named(engine: AsyncEngine, scripts: Path) -> None:
    (scripts / "versions" / "0002_second.py").write_text(
        'revision = "0002"\ndown_revision = "0001"\n\n\ndef upgrade() -> None:\n    pass\n'
    )
    assert await missing_migrations(engine, "numbers", scripts) == (
        "schema numbers is at 0001, wanted 0002"
    )


async def test_an_older_instance_goes_on_with_a_newer_schema(
    engine: AsyncEngine, fresh_database_url: str, scripts: Path, tmp_path: Path
) -> None:
    newer = tmp_path / "newer"
    shutil.copytree(scripts, newer, ignore=shutil.ignore_patterns("newer"))
    (newer / "versions" / "0002_second.py").write_text(
        'revision = "0002"\ndown_revision = "0001"\n\n\ndef upgrade() -> None:\n    pass\n'
    )
    url = _as_role(fresh_database_url, "test_numbers")
    await migrate(fresh_database_url, url, "numbers", newer)
    assert await missing_migrations(engine, "numbers", scripts) is None


async def test_a_migration_under_a_prepared_statement_is_a_reason_to_try_again(
    engine: AsyncEngine, fresh_database_url: str
) -> None:
    async def read(connection: AsyncConnection) -> int:
        # A parameter, for the statement to be prepared and kept.
        found = await connection.execute(text("SELECT * FROM number WHERE n > :n"), {"n": 0})
        return len(found.keys())

    assert await in_transaction(engine, read) == 1
    owner = create_engine(fresh_database_url, "numbers", name="owner", pool_size=1)
    await in_transaction(
        owner, lambda connection: connection.execute(text("ALTER TABLE number ADD later text"))
    )
    await owner.dispose()
    with pytest.raises(Unavailable):
        await in_transaction(engine, read)
    assert await in_transaction(engine, read) == 2


async def test_a_role_reads_no_schema_but_its_own(
    engine: AsyncEngine, fresh_database_url: str, scripts: Path
) -> None:
    other_url = _as_role(fresh_database_url, "test_others")
    await migrate(fresh_database_url, other_url, "others", scripts)
    other = create_engine(other_url, "others", name="test", pool_size=1)
    with pytest.raises(DBAPIError, match="permission denied for schema numbers"):
        async with other.connect() as connection:
            await connection.execute(text("SELECT * FROM numbers.number"))
    await other.dispose()


async def test_a_bad_item_fails_alone_and_its_neighbours_commit(engine: AsyncEngine) -> None:
    replies, failures = await apply_isolated(engine, [1, 13, 2], _insert)
    assert (replies, [failure.work for failure in failures]) == ([1, 2], [13])
    assert await _numbers(engine) == [1, 2]


async def test_an_administrators_kill_counts_as_the_database_being_away(
    engine: AsyncEngine,
) -> None:
    async def killed(connection: AsyncConnection, works: Sequence[int]) -> list[int]:
        await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return []

    with pytest.raises(Unavailable):
        await apply_isolated(engine, [1, 2], killed)


async def test_connections_that_ended_in_the_pool_cost_no_request(
    engine: AsyncEngine, fresh_database_url: str
) -> None:
    """After a restart of the database the first requests are answered as all others are."""
    together = asyncio.Barrier(POOL)

    async def hold(connection: AsyncConnection) -> None:
        await together.wait()

    async with asyncio.timeout(10):
        await asyncio.gather(*(in_transaction(engine, hold) for _ in range(POOL)))
    owner = await asyncpg.connect(fresh_database_url)
    try:
        ended = await owner.fetchval(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'test'"
        )
    finally:
        await owner.close()
    assert ended == POOL

    async def answered(connection: AsyncConnection) -> int:
        return int(await connection.scalar(text("SELECT 1")) or 0)

    for _ in range(POOL):
        assert await in_transaction(engine, answered) == 1


async def test_an_unreachable_database_is_infrastructure() -> None:
    engine = create_engine("postgresql://a:b@127.0.0.1:1/c", "x", name="test", pool_size=1)

    async def nothing(connection: AsyncConnection) -> None:
        return None

    with pytest.raises(Unavailable):
        await in_transaction(engine, nothing)
    # What asyncpg says when a connection breaks in the middle of an exchange.
    assert is_infrastructure(asyncpg.InternalClientError("another operation is in progress"))
    assert not is_infrastructure(ValueError())


def _event(n: int) -> CloudEvent:
    return CloudEvent(
        id=event_id("connection", n, "number.counted"),
        source="/csms/test",
        type="csms.number.counted.v1",
        subject="CS1",
        time="2026-01-01T00:00:00.000Z",
        data={"n": n},
    )


async def test_events_leave_once_they_are_committed_in_one_message_per_key(
    engine: AsyncEngine, broker_url: str
) -> None:
    outbox = outbox_table(MetaData())
    received: list[list[int]] = []
    arrived = asyncio.Event()

    async def handler(deliveries: list[Delivery]) -> None:
        received.extend(
            [event["data"]["n"] for event in orjson.loads(delivery.body)] for delivery in deliveries
        )
        arrived.set()

    async with Link(broker_url, "test") as link:
        queue = incarnation_queue("test-outbox", Binding(EVENTS, "number.*"))
        await link.declare(queue)
        consumer = Consumer(link, queue, handler, prefetch=5)
        running = asyncio.create_task(consumer.run())
        relay = OutboxRelay(engine, outbox, Publisher(link))
        for n in (1, 2):
            async with engine.begin() as connection:
                await write_events(connection, outbox, [("number.counted", _event(n))])
        assert await relay.relay_round() is False
        async with asyncio.timeout(20):
            await arrived.wait()
        assert await relay.relay_round() is False
        await consumer.stop()
        await running
    assert received == [[1, 2]]


async def test_the_end_of_a_command_reaches_everyone_once_and_services_only_if_they_follow_it(
    engine: AsyncEngine, broker_url: str
) -> None:
    outbox = outbox_table(MetaData())
    received: dict[str, list[tuple[str, int]]] = {}
    arrived = asyncio.Condition()

    def reader(name: str) -> Callable[[list[Delivery]], Awaitable[None]]:
        async def handler(deliveries: list[Delivery]) -> None:
            async with arrived:
                received.setdefault(name, []).extend(
                    (delivery.routing_key, event["data"]["n"])
                    for delivery in deliveries
                    for event in orjson.loads(delivery.body)
                )
                arrived.notify_all()

        return handler

    async with Link(broker_url, "test") as link, asyncio.TaskGroup() as group:
        readers = []
        for name, *keys in (
            ("all", "command.completed", "command.*", "command.#"),
            ("resets", "command.completed.Reset"),
            ("unlocks", "command.completed.UnlockConnector"),
        ):
            queue = incarnation_queue(f"test-{name}", *(Binding(EVENTS, key) for key in keys))
            await link.declare(queue)
            consumer = Consumer(link, queue, reader(name), prefetch=5)
            readers.append(consumer)
            group.create_task(consumer.run())
        ends = [
            (command_completed_key(action), _event(n))
            for n, action in enumerate(("Reset", "ClearCache", "UnlockConnector", "Reset"))
        ]
        async with engine.begin() as connection:
            await write_events(connection, outbox, ends)
        await OutboxRelay(engine, outbox, Publisher(link)).relay_round()
        async with asyncio.timeout(20), arrived:
            await arrived.wait_for(lambda: sum(len(seen) for seen in received.values()) >= 7)
        for consumer in readers:
            await consumer.stop()
    key = "command.completed"
    assert {name: sorted(seen) for name, seen in received.items()} == {
        "all": [(key, 0), (key, 1), (key, 2), (key, 3)],
        "resets": [(key, 0), (key, 3)],
        "unlocks": [(key, 2)],
    }


class FakePublisher(Publisher):
    """Keeps what would be published; every message has the same outcome."""

    def __init__(self, outcome: PublishReturned | None) -> None:
        super().__init__(Link("amqp://nobody", "test"))
        self.outcome = outcome
        self.sent: list[Outgoing] = []

    async def publish_all(
        self, messages: list[Outgoing], timeout: float = 1.0
    ) -> list[PublishReturned | PublishUnconfirmed | None]:
        self.sent += messages
        return [self.outcome] * len(messages)


async def test_orders_leave_as_batches_and_stay_until_a_queue_has_taken_them(
    engine: AsyncEngine, broker_url: str
) -> None:
    outbox = outbox_table(MetaData())
    orders = [
        CommandOrder(
            order_id=new_command_id(n),
            station_id="S",
            action="ClearCache",
            payload={},
            deadline_ms=n,
            created_by="test",
        )
        for n in range(BATCH_MAX_ITEMS + 1)
    ]

    async def waiting() -> int:
        async with engine.connect() as connection:
            found = await connection.execute(
                text("SELECT count(*) FROM outbox WHERE published_at IS NULL")
            )
            return int(found.scalar_one())

    publisher = FakePublisher(PublishReturned("nobody has a queue"))
    relay = OutboxRelay(engine, outbox, publisher)
    async with engine.begin() as connection:
        await write_orders(connection, outbox, orders)
        await write_events(connection, outbox, [("nobody.listens", _event(1))])
    assert await relay.relay_round() is False
    assert await waiting() == 2
    publisher.outcome = None
    publisher.sent.clear()
    assert await relay.relay_round() is False
    assert await waiting() == 0
    assert {(one.exchange, one.routing_key, one.type) for one in publisher.sent} == {
        (REQUESTS, COMMAND_ORDERS_KEY, MessageType.COMMAND_ORDERS)
    }
    batches = [CommandOrderBatch.model_validate_json(one.body).items for one in publisher.sent]
    assert [len(batch) for batch in batches] == [BATCH_MAX_ITEMS, 1]
    assert [order for batch in batches for order in batch] == orders


async def test_an_upkeep_task_runs_in_one_replica_at_a_time(engine: AsyncEngine) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()
    running = 0
    most = 0

    async def work(_: AsyncConnection) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        entered.set()
        await leave.wait()
        running -= 1

    task = UpkeepTask("count", 0.01, work)
    replicas = [asyncio.create_task(run_upkeep(engine, "numbers", (task,))) for _ in range(2)]
    async with asyncio.timeout(20):
        await entered.wait()
        # The other replica's turns end without work while the first one holds the lock.
        async with engine.connect() as connection:
            for _ in range(20):
                await connection.execute(text("SELECT 1"))
    leave.set()
    for replica in replicas:
        replica.cancel()
    await asyncio.gather(*replicas, return_exceptions=True)
    assert most == 1
