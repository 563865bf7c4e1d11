"""The running service: its consumers, relay and upkeep, and what it lacks to be ready."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.consumer import Consumer
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import (
    SESSION_SERVICE,
    decisions_queue,
    parking_queue,
    reports_queue,
    requests_queue,
    service_queues,
)
from csms_shared.broker.work_queues import WorkQueueProbe
from csms_shared.db.engine import create_engine
from csms_shared.db.outbox import OutboxRelay
from csms_shared.db.parking import ParkingDrain
from csms_shared.db.upkeep import UpkeepTask, run_upkeep
from csms_shared.errors import Unavailable
from csms_shared.readiness import Readiness
from session_service.amqp.inboxes import DecisionsInbox, ReportsInbox, ReportsProgress
from session_service.amqp.requests import requests_inbox
from session_service.handlers.quarantine import reconcile_waiting
from session_service.settings import Settings
from session_service.store.tables import SCHEMA, outbox, parked
from session_service.store.upkeep import upkeep_tasks

log = structlog.get_logger(__name__)

MIGRATIONS = Path(__file__).parent.parent / "store" / "migrations"
DECISION_CONSUMERS = 2
REPORT_CONSUMERS = 2
# Messages held unacknowledged by a consumer: what arrives during one batch is the next.
PREFETCH = 50


class SessionService:
    """All tasks of one session-service process."""

    def __init__(self, settings: Settings, link: Link) -> None:
        url = settings.database_url.get_secret_value()

        def engine(path: str, size: int) -> AsyncEngine:
            return create_engine(url, SCHEMA, name=f"{SESSION_SERVICE} {path}", pool_size=size)

        self._decisions_engine = engine("decisions", DECISION_CONSUMERS)
        self._reports_engine = engine("reports", REPORT_CONSUMERS)
        self._requests_engine = engine("requests", 4)
        self._upkeep_engine = engine("upkeep", 3)
        self._link = link
        self._publisher = Publisher(link)
        self._relay = OutboxRelay(self._upkeep_engine, outbox, self._publisher)
        self._queues = WorkQueueProbe(link, self._publisher, service_queues(SESSION_SERVICE))
        self._consumers = self._make_consumers()
        self._tasks = (
            *upkeep_tasks(settings.meter_value_retention_days),
            UpkeepTask("reconcile_quarantine", 30.0, reconcile_waiting),
        )
        self._readiness = Readiness(
            engine=self._upkeep_engine,
            schema=SCHEMA,
            migrations=MIGRATIONS,
            link=link,
            queues=self._queues,
            consumers=self._consumers,
        )

    def _make_consumers(self) -> tuple[Consumer, ...]:
        wake, progress = self._relay.wake, ReportsProgress()
        link, publisher = self._link, self._publisher
        decisions = (
            Consumer(
                link,
                decisions_queue(SESSION_SERVICE),
                DecisionsInbox(self._decisions_engine, publisher, wake, progress),
                prefetch=PREFETCH,
                publisher=publisher,
            )
            for _ in range(DECISION_CONSUMERS)
        )
        reports = (
            Consumer(
                link,
                reports_queue(SESSION_SERVICE),
                ReportsInbox(self._reports_engine, publisher, wake, progress),
                prefetch=PREFETCH,
                publisher=publisher,
            )
            for _ in range(REPORT_CONSUMERS)
        )
        requests = Consumer(
            link,
            requests_queue(SESSION_SERVICE),
            requests_inbox(self._requests_engine, publisher, wake),
            prefetch=PREFETCH,
        )
        parking = Consumer(
            link,
            parking_queue(SESSION_SERVICE),
            ParkingDrain(self._upkeep_engine, parked),
            prefetch=PREFETCH,
        )
        return (*decisions, *reports, requests, parking)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then finish what is in hand."""
        async with asyncio.TaskGroup() as group:
            consuming = [group.create_task(consumer.run()) for consumer in self._consumers]
            others = [
                group.create_task(self._relay.run()),
                group.create_task(self._queues.run()),
                group.create_task(run_upkeep(self._upkeep_engine, SCHEMA, self._tasks)),
            ]
            await stop.wait()
            self._readiness.draining = True
            log.info("draining")
            await asyncio.gather(*(consumer.stop() for consumer in self._consumers))
            for task in (*consuming, *others):
                task.cancel()
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(3):
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
async def session_service(settings: Settings) -> AsyncIterator[SessionService]:
    """Make the service, and close its connections afterwards."""
    async with Link(settings.broker_url.get_secret_value(), SESSION_SERVICE) as link:
        service = SessionService(settings, link)
        try:
            yield service
        finally:
            await service.close()
