"""The running service: its consumers, relay and upkeep, and what it lacks to be ready."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.consumer import Consumer, Handler
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import (
    STATION_REGISTRY,
    Queue,
    decisions_queue,
    parking_queue,
    reports_queue,
    requests_queue,
    service_queues,
)
from csms_shared.broker.work_queues import WorkQueueProbe
from csms_shared.contracts.stations import STATION_OPERATIONS
from csms_shared.db.engine import create_engine
from csms_shared.db.outbox import OutboxRelay
from csms_shared.db.parking import ParkingDrain
from csms_shared.db.upkeep import UpkeepTask, purge_outbox, run_upkeep
from csms_shared.errors import Unavailable
from csms_shared.readiness import Readiness
from csms_shared.requests_inbox import RequestsInbox
from station_registry.amqp.inboxes import decisions_inbox, reports_inbox
from station_registry.handlers.leases import watch_leases
from station_registry.handlers.requests import station_operations
from station_registry.settings import RegistrySettings
from station_registry.store import MIGRATIONS, SCHEMA
from station_registry.store.leases import purge_ended
from station_registry.store.reports import purge_refusals, purge_transfers
from station_registry.store.tables import outbox, parked

log = structlog.get_logger(__name__)

# Two of each: one transaction waits for its commit while the other one works.
DECISION_CONSUMERS = 1
REPORT_CONSUMERS = 2
REQUEST_CONNECTIONS = 4
# Messages held unacknowledged by a consumer: what arrives during one batch is the next.
PREFETCH = 50
LAST_RELAY_S = 3.0


class StationRegistry:
    """All tasks of one station-registry process."""

    def __init__(self, settings: RegistrySettings, link: Link) -> None:
        url = settings.database_url.get_secret_value()

        def engine(path: str, size: int) -> AsyncEngine:
            return create_engine(url, SCHEMA, name=f"{STATION_REGISTRY} {path}", pool_size=size)

        self._policies = settings.policies()
        self._decisions_engine = engine("decisions", DECISION_CONSUMERS)
        self._reports_engine = engine("reports", REPORT_CONSUMERS)
        self._requests_engine = engine("requests", REQUEST_CONNECTIONS)
        self._upkeep_engine = engine("upkeep", 3)
        self._link = link
        self._publisher = Publisher(link)
        self._relay = OutboxRelay(self._upkeep_engine, outbox, self._publisher)
        self._queues = WorkQueueProbe(link, self._publisher, service_queues(STATION_REGISTRY))
        self._decisions = [self._decision_consumer() for _ in range(DECISION_CONSUMERS)]
        self._consumers = [*self._decisions, *self._other_consumers()]
        self._upkeep = (
            watch_leases(lambda: any(consumer.consuming for consumer in self._decisions)),
            purge_outbox(outbox),
            UpkeepTask("purge_refusals", 60.0, purge_refusals),
            UpkeepTask("purge_data_transfers", 60.0, purge_transfers),
            UpkeepTask("purge_gateways", 60.0, purge_ended),
        )
        self._readiness = Readiness(
            engine=self._upkeep_engine,
            schema=SCHEMA,
            migrations=MIGRATIONS,
            link=link,
            queues=self._queues,
            consumers=self._consumers,
        )

    def _decision_consumer(self) -> Consumer:
        inbox = decisions_inbox(
            self._decisions_engine, self._publisher, self._policies, self._relay.wake
        )
        return self._consumer(decisions_queue(STATION_REGISTRY), inbox, splits=True)

    def _other_consumers(self) -> list[Consumer]:
        reports = reports_inbox(self._reports_engine, self._publisher, self._relay.wake)
        requests = RequestsInbox(
            publisher=self._publisher,
            operations=STATION_OPERATIONS,
            handlers=station_operations(self._requests_engine, self._publisher, self._policies),
            after=self._relay.wake,
        )
        drain = ParkingDrain(self._upkeep_engine, parked)
        return [
            *(
                self._consumer(reports_queue(STATION_REGISTRY), reports, splits=True)
                for _ in range(REPORT_CONSUMERS)
            ),
            self._consumer(requests_queue(STATION_REGISTRY), requests),
            self._consumer(parking_queue(STATION_REGISTRY), drain),
        ]

    def _consumer(self, queue: Queue, handler: Handler, *, splits: bool = False) -> Consumer:
        publisher = self._publisher if splits else None
        return Consumer(self._link, queue, handler, prefetch=PREFETCH, publisher=publisher)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then finish what is in hand."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                *(group.create_task(consumer.run()) for consumer in self._consumers),
                group.create_task(self._relay.run()),
                group.create_task(self._queues.run()),
                group.create_task(run_upkeep(self._upkeep_engine, SCHEMA, self._upkeep)),
            ]
            await stop.wait()
            self._readiness.draining = True
            log.info("draining")
            await asyncio.gather(*(consumer.stop() for consumer in self._consumers))
            for task in tasks:
                task.cancel()
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(LAST_RELAY_S):
                await self._relay.relay_round()

    async def missing(self) -> dict[str, str]:
        """Return what this process lacks to be ready, by name."""
        return await self._readiness.missing()

    async def close(self) -> None:
        """Close the database pools."""
        for engine in (
            self._decisions_engine,
            self._reports_engine,
            self._requests_engine,
            self._upkeep_engine,
        ):
            await engine.dispose()


@contextlib.asynccontextmanager
async def station_registry(settings: RegistrySettings) -> AsyncIterator[StationRegistry]:
    """Make the service, and close its connections afterwards."""
    async with Link(settings.broker_url.get_secret_value(), STATION_REGISTRY) as link:
        service = StationRegistry(settings, link)
        try:
            yield service
        finally:
            await service.close()
