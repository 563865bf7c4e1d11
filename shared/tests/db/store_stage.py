"""Relays of several processes to the event store, on a real broker, and what reaches its queue."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import orjson
from outbox_fakes import make_event
from outbox_stage import OUTBOX, WITHIN_S
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Binding, Queue
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import REQUESTS
from csms_shared.contracts.events import CloudEvent
from csms_shared.db.engine import create_engine
from csms_shared.db.outbox import write_events
from csms_shared.db.outbox_to_store import OutboxToStore

STEPS = ("station.connected", "transaction.started", "meter_values.received", "transaction.stopped")


def told(station_id: str, number: int) -> CloudEvent:
    """Return the event that a station causes as its next one."""
    return make_event(number).model_copy(update={"subject": station_id})


class StoreStage:
    """An outbox, its relays, and a queue in the place of the event store's."""

    def __init__(self, engine: AsyncEngine, url: str, broker_url: str, key: str) -> None:
        self.engine = engine
        self._url = url
        self._broker_url = broker_url
        self.queue = Queue(
            f"{key}.v1",
            {"x-queue-type": "quorum", "x-expires": 60_000},
            (Binding(REQUESTS, key),),
        )
        self.link = Link(broker_url, "test")
        self.received: list[tuple[str, int]] = []
        self.messages: list[list[int]] = []
        self._links = [self.link]
        self._engines: list[AsyncEngine] = []
        self._tasks: list[asyncio.Task[None]] = []

    def relay(self) -> OutboxToStore:
        """Return the relay of one more process."""
        engine = create_engine(self._url, "numbers", name="relay", pool_size=1)
        link = Link(self._broker_url, "relay")
        self._engines.append(engine)
        self._links.append(link)
        return OutboxToStore(engine, OUTBOX, Publisher(link))

    def begin(self, relay: OutboxToStore) -> asyncio.Task[None]:
        """Run a relay."""
        task = asyncio.create_task(relay.run())
        self._tasks.append(task)
        return task

    async def declare(self, **arguments: str | int) -> None:
        """Make the queue."""
        renamed = {name.replace("_", "-"): value for name, value in arguments.items()}
        self.queue = replace(self.queue, arguments={**self.queue.arguments, **renamed})
        await self.link.declare(self.queue)

    def read(self) -> None:
        """Read the queue from now on."""
        consumer = Consumer(self.link, self.queue, self._take, prefetch=50, in_order=True)
        self._tasks.append(asyncio.create_task(consumer.run()))

    async def _take(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            events = orjson.loads(delivery.body)
            self.messages.append([event["data"]["n"] for event in events])
            self.received += [(event["subject"], event["data"]["n"]) for event in events]

    async def write(self, *events: tuple[str, CloudEvent]) -> None:
        """Commit events in one transaction."""
        async with self.engine.begin() as connection:
            await write_events(connection, OUTBOX, events)

    async def write_lives(self, stations: int) -> None:
        """Commit four events of each station, a transaction for each step of all."""
        for number, key in enumerate(STEPS):
            await self.write(*((key, told(f"S{n}", number)) for n in range(stations)))

    async def rows(self, statement: str) -> list[tuple[object, ...]]:
        """Return what the relay's role sees."""
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]

    async def unstored(self) -> int:
        """Count rows that are not marked."""
        return len(await self.rows("SELECT 1 FROM outbox WHERE stored_at IS NULL"))

    async def until_all_are_stored(self) -> None:
        """Wait until every row is marked."""
        async with asyncio.timeout(WITHIN_S):
            while await self.unstored():
                await asyncio.sleep(0.02)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what the queue brings."""
        async with asyncio.timeout(WITHIN_S):
            while not condition():
                await asyncio.sleep(0.02)

    def first_copies(self) -> dict[str, list[int]]:
        """Return the numbers of each station's events as they came first."""
        seen: dict[str, list[int]] = {}
        for station_id, number in dict.fromkeys(self.received):
            seen.setdefault(station_id, []).append(number)
        return seen

    async def close(self) -> None:
        """End what was begun."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for link in self._links:
            await link.close()
        for engine in self._engines:
            await engine.dispose()
