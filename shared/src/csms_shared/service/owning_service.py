"""One process of a service that owns data: consumers, outbox relay, upkeep, and their end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.consumer import Consumer, Handler
from csms_shared.broker.declarations import Queue
from csms_shared.broker.incarnation import new_incarnation
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.topology import (
    command_orders_queue,
    decisions_queue,
    event_store_queue,
    parking_queue,
    reports_queue,
    requests_queue,
    service_queues,
)
from csms_shared.broker.work_queues import WorkQueueProbe
from csms_shared.contracts.envelope import BATCH_MAX_ITEMS
from csms_shared.db.bulk_actions import purge_bulk_actions
from csms_shared.db.engine import create_engine
from csms_shared.db.outbox import OutboxRelay
from csms_shared.db.outbox_waiting import watch_outbox
from csms_shared.db.parking import ParkingDrain
from csms_shared.db.settings import DatabaseSettings
from csms_shared.db.system_events import SystemEvents
from csms_shared.db.tenancy import RequestEngines, create_requests_engine
from csms_shared.db.upkeep import Upkeep, UpkeepTask, purge_outbox
from csms_shared.observability.probes import ProbeServer
from csms_shared.observability.system_notices import SystemNotices
from csms_shared.runtime.clock import monotonic
from csms_shared.runtime.errors import Unavailable
from csms_shared.service.about import AboutInstance
from csms_shared.service.ending import SERVICE_ENDS_WITHIN_S, end_tasks
from csms_shared.service.inbox import Apply, Inbox, Reply, Work
from csms_shared.service.instance_notices import started, stopped
from csms_shared.service.process import keep_started_objects, stop_on_signals
from csms_shared.service.readiness import Readiness
from csms_shared.service.requests_inbox import AT_ONCE

log = structlog.get_logger(__name__)

# A round of fresh events, one of what a destination did not take, and one for the event store.
OUTBOX_CONNECTIONS = 3
UPKEEP_CONNECTIONS = 3
# Readiness, what is parked, and what is measured.
OWN_CONNECTIONS = 2
# Messages held unacknowledged by a consumer: what arrives during one batch is the next.
PREFETCH = 50
# Reports are answered before they come here, so nobody waits: fewer and bigger transactions.
REPORTS_PREFETCH = 200
REPORTS_GATHER_S = 0.015
LAST_RELAY_S = 3.0
LAST_REPLIES_S = 2.0

Settings = TypeVar("Settings", bound=DatabaseSettings)
MakeHandler = Callable[[AsyncEngine], Handler]


class OwningService:
    """The tasks of one process; its consumers and upkeep are added before `run`.

    Decisions, reports, requests, outbox, upkeep and readiness have a database pool each, as large
    as their number of consumers: a backlog, or a slow statement, of one delays no other. `lanes`
    are further queues that it must have to be ready, of what must not wait behind any of these;
    `queues` are those of a service that has others than most.
    """

    def __init__(
        self,
        name: str,
        settings: DatabaseSettings,
        link: Link,
        *,
        schema: str,
        migrations: Path,
        outbox: Table,
        parked: Table,
        lanes: tuple[Queue, ...] = (),
        queues: tuple[Queue, ...] | None = None,
    ) -> None:
        self._name = name
        self._url = settings.database_url.get_secret_value()
        self._schema = schema
        self._link = link
        self._engines: list[AsyncEngine] = []
        self._consumers: list[Consumer] = []
        self._beside: list[Callable[[], Coroutine[None, None, None]]] = []
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self._warnings: list[Callable[[], dict[str, str]]] = []
        self._own_engine = self.engine("own", OWN_CONNECTIONS)
        self.incarnation = new_incarnation(name)
        self.notices = SystemNotices(name, lambda: self.incarnation)
        self.publisher = Publisher(link)
        self.replies = Replies(self.publisher, partial(Publisher, link))
        self._relay = OutboxRelay(
            self.engine("outbox", OUTBOX_CONNECTIONS), outbox, self.publisher, self.notices.add
        )
        self._system_events = SystemEvents(
            self._own_engine, outbox, self.notices, f"/csms/{name}", self.wake_relay
        )
        self._queues = WorkQueueProbe(
            # What leaves the outbox needs its queue, whether its reader has started or not.
            link,
            self.publisher,
            (
                *(service_queues(name) if queues is None else queues),
                *lanes,
                command_orders_queue(),
                *(() if queues is not None else (event_store_queue(),)),
            ),
        )
        self._warnings.append(self._relay.warnings)
        self._upkeep: dict[str, list[UpkeepTask]] = {
            "upkeep": [purge_outbox(), purge_bulk_actions()]
        }
        self._readiness = Readiness(
            engine=self._own_engine,
            schema=schema,
            migrations=migrations,
            link=link,
            queues=self._queues,
            consumers=self._consumers,
        )
        self.about = AboutInstance(name, self.incarnation, self.warnings, self._consumers)
        self._consume(parking_queue(name), ParkingDrain(self._own_engine, parked, self.notices.add))

    def wake_relay(self) -> None:
        """Tell that events have been committed."""
        self._relay.wake()

    def inbox(
        self,
        engine: AsyncEngine,
        queue: Queue,
        apply: Apply,
        *,
        fault_reply: Callable[[Work], Reply | None] = lambda _: None,
        tells: bool = True,
    ) -> Inbox:
        """Return the handler of a work queue, whose batches `apply` handles.

        `fault_reply` is that of `Inbox`. `tells`: its batches leave events in the outbox.
        """
        return Inbox(
            engine=engine,
            publisher=self.publisher,
            replies=self.replies,
            service=self._name,
            queue=queue.name,
            apply=apply,
            fault_reply=fault_reply,
            after_commit=self.wake_relay if tells else lambda: None,
        )

    def consume_decisions(self, consumers: int, make: MakeHandler) -> list[Consumer]:
        """Consume the decisions queue, each consumer with a handler of its own."""
        engine = self.engine("decisions", consumers, by_keys=True)
        queue = decisions_queue(self._name)
        return [self._consume(queue, make(engine), splits=True) for _ in range(consumers)]

    def consume_reports(self, consumers: int, make: MakeHandler) -> list[Consumer]:
        """Consume the reports queue, each consumer with a handler of its own."""
        engine = self.engine("reports", consumers, by_keys=True)
        queue = reports_queue(self._name)
        return [
            self._consume(
                queue,
                make(engine),
                splits=True,
                prefetch=REPORTS_PREFETCH,
                gather_s=REPORTS_GATHER_S,
            )
            for _ in range(consumers)
        ]

    def consume_apart(self, queue: Queue, make: MakeHandler) -> None:
        """Consume a queue that may fall behind, with a connection of its own.

        It is not among the queues that this process must have to be ready.
        """
        engine = self.engine(queue.name.removesuffix(".v1"), 1)
        self._consume(queue, make(engine))

    def consume_requests(
        self, make: Callable[[RequestEngines], Handler], *, lane: Queue | None = None
    ) -> None:
        """Consume the requests of other services, or those of them that have a `lane`.

        Each is acknowledged by itself, so that none waits for a slow one that came before.
        """
        queue = requests_queue(self._name) if lane is None else lane
        path = queue.name.removesuffix(".v1")
        engines = RequestEngines(
            self._engine_of_tenant(path, AT_ONCE), self.engine(f"{path} of all tenants", AT_ONCE)
        )
        self._consume(queue, make(engines), batch_messages=1)

    def consume_lane(self, queue: Queue, make: MakeHandler, *, prefetch: int) -> Consumer:
        """Consume one of `lanes`, with a connection of its own."""
        engine = self.engine(queue.name.removesuffix(".v1"), 1, by_keys=True)
        return self._consume(queue, make(engine), prefetch=prefetch)

    def consume_in_order(self, queue: Queue, make: MakeHandler, *, gather_s: float) -> None:
        """Consume a queue whose order counts, with a connection of its own."""
        engine = self.engine(queue.name.removesuffix(".v1"), 1)
        self._consume(queue, make(engine), gather_s=gather_s, in_order=True)

    def consume_own(self, queue: Queue, handler: Handler) -> None:
        """Consume the queue of this life of the process."""
        self._consume(queue, handler)

    def keep_up(self, *tasks: UpkeepTask) -> None:
        """Do these periodic tasks, besides purging the outbox."""
        self._upkeep["upkeep"] += tasks

    def keep_up_apart(self, path: str, *tasks: UpkeepTask) -> None:
        """Do these periodic tasks with a connection for each that no other task can take."""
        self._upkeep[path] = list(tasks)

    def run_beside(self, task: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run this task of the service's own until the consumers have stopped."""
        self._beside.append(task)

    def warn(self, warnings: Callable[[], dict[str, str]]) -> None:
        """Show what this returns, by name, as what is wrong and makes nobody less ready."""
        self._warnings.append(warnings)

    def close_too(self, close: Callable[[], Awaitable[None]]) -> None:
        """Close something of the service's own after everything has ended."""
        self._closing.append(close)

    def engine(self, path: str, size: int, *, by_keys: bool = False) -> AsyncEngine:
        """Return a database pool for one more path; `by_keys` as in `create_engine`."""
        name = f"{self._name} {path}"
        engine = create_engine(self._url, self._schema, name=name, pool_size=size, by_keys=by_keys)
        self._engines.append(engine)
        return engine

    def _engine_of_tenant(self, path: str, size: int) -> AsyncEngine:
        name = f"{self._name} {path}"
        engine = create_requests_engine(self._url, self._schema, name=name, pool_size=size)
        self._engines.append(engine)
        return engine

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then finish what is begun."""
        upkeep = [self._upkeep_on(path, tasks) for path, tasks in self._upkeep.items()]
        self._warnings += [one.warnings for one in upkeep]
        work = (
            *(consumer.run() for consumer in self._consumers),
            self._relay.run(),
            watch_outbox(self._own_engine),
            self._queues.run(),
            self._system_events.run(),
            *(one.run() for one in upkeep),
            *(task() for task in self._beside),
        )
        began = monotonic()
        self.notices.add(started(self._name, self.incarnation))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in work]
            await stop.wait()
            self._readiness.draining = True
            log.info("draining")
            await asyncio.gather(*(consumer.stop() for consumer in self._consumers))
            await self.replies.finish(LAST_REPLIES_S)
            await end_tasks(tasks)
        self.notices.add(stopped(self._name, self.incarnation, monotonic() - began))
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(LAST_RELAY_S):
                await self._system_events.write(everything=True)
                await self._relay.relay_round()
                await self._relay.store_round()

    def _upkeep_on(self, path: str, tasks: list[UpkeepTask]) -> Upkeep:
        size = UPKEEP_CONNECTIONS if path == "upkeep" else len(tasks)
        return Upkeep(self.engine(path, size), self._schema, tasks, self.notices.add)

    async def missing(self) -> dict[str, str]:
        """Return what this process lacks to be ready, by name."""
        return await self._readiness.missing()

    def warnings(self) -> dict[str, str]:
        """Return what is wrong and makes this process no less ready, by name."""
        return {name: text for of in self._warnings for name, text in of().items()}

    async def close(self) -> None:
        """Let go of replies that are on their way, and close the pools."""
        await self.replies.finish(0)
        for close in self._closing:
            await close()
        for engine in self._engines:
            await engine.dispose()

    def _consume(
        self,
        queue: Queue,
        handler: Handler,
        *,
        splits: bool = False,
        prefetch: int = PREFETCH,
        gather_s: float = 0.0,
        batch_messages: int = BATCH_MAX_ITEMS,
        in_order: bool = False,
    ) -> Consumer:
        consumer = Consumer(
            self._link,
            queue,
            handler,
            prefetch=prefetch,
            publisher=self.publisher if splits else None,
            gather_s=gather_s,
            batch_messages=batch_messages,
            in_order=in_order,
            tell=self.notices.add,
        )
        self._consumers.append(consumer)
        return consumer


@contextlib.asynccontextmanager
async def opened(
    name: str, settings: Settings, make: Callable[[Settings, Link], OwningService]
) -> AsyncIterator[OwningService]:
    """Make the service around a link of its own, and close its connections afterwards."""
    async with Link(settings.broker_url.get_secret_value(), name) as link:
        service = make(settings, link)
        try:
            yield service
        finally:
            await service.close()


async def serve(
    name: str, settings: Settings, make: Callable[[Settings, Link], OwningService]
) -> None:
    """Serve until SIGTERM or SIGINT; a task that fails ends the process.

    Raises:
        PortTaken: the probes can't listen, within an exception group.
    """
    stop = stop_on_signals(SERVICE_ENDS_WITHIN_S)
    async with opened(name, settings, make) as service, asyncio.TaskGroup() as group:
        probes = ProbeServer(settings.bind, settings.probe_port, service.missing, service.warnings)
        group.create_task(probes.run())
        keep_started_objects()
        log.info("started")
        try:
            await service.run(stop)
        finally:
            probes.stop()
    log.info("stopped")
