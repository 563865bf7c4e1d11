"""Asks every part of the suite for itself; what does not answer in time is null."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.concurrency.remembered import Remembered
from command_api.ports import ServiceAway, Services
from command_api.system.domain import (
    BrokerState,
    DatabaseState,
    QueueView,
    SystemView,
    gateways_state,
    paused_of,
    service_state,
    upkeep_of,
    warnings_of,
)
from command_api.system.store import database_size, newest_backups
from csms_shared.broker.errors import BrokerError
from csms_shared.broker.queue_counts import QueueCounts
from csms_shared.broker.topology import (
    BILLING_SERVICE,
    COMMAND_API,
    INTEGRATION_SERVICE,
    SESSION_SERVICE,
    STATION_REGISTRY,
    all_queues,
    command_orders_queue,
    requests_queue,
)
from csms_shared.contracts.about import ABOUT, About, AskAbout
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.stations import FleetStatus
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.clock import now_ms
from csms_shared.runtime.errors import Unavailable
from csms_shared.service.about import AboutInstance
from csms_shared.values.times import format_time_ms

log = structlog.get_logger(__name__)

FRESH_S = 2.0
PART_S = 3.0
# So often at most a service is asked, which hands each request to the next of its instances.
ASKED_AT_MOST = 16
WS_GATEWAY = "ws-gateway"
_OTHERS = (STATION_REGISTRY, SESSION_SERVICE, INTEGRATION_SERVICE, BILLING_SERVICE)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Broker:
    """What this instance knows of the broker by its own connections."""

    is_up: Callable[[], bool]
    version: Callable[[], str | None]
    counts: Callable[[Iterable[str]], Awaitable[dict[str, QueueCounts]]]


class SuiteState:
    """Looks at the suite, at most once in `FRESH_S`; `engine` is the service's own."""

    def __init__(
        self,
        engine: AsyncEngine,
        services: Services,
        broker: Broker,
        about: AboutInstance,
        version: str,
    ) -> None:
        self._engine = engine
        self._services = services
        self._broker = broker
        self._about = about
        self._version = version
        self._remembered: Remembered[None, SystemView] = Remembered(FRESH_S, 1)

    async def get(self) -> SystemView:
        """Return the suite as it is; what is down is what one wants to see here."""
        return await self._remembered.get(None, self._look)

    async def _look(self) -> SystemView:
        # First, for it says how many instances there are to be asked.
        names = [queue.name for queue in all_queues()]
        counts = await _attempt("broker", self._broker.counts(names))
        fleet, own, size, backups, others = await asyncio.gather(
            _attempt(STATION_REGISTRY, self._fleet()),
            _attempt(COMMAND_API, self._read(self._tell)),
            _attempt("database", self._read(database_size)),
            _attempt("backups", self._read(newest_backups)),
            asyncio.gather(
                *(self._instances(service, _consumers(counts, service)) for service in _OTHERS)
            ),
        )
        told = {
            **dict(zip(_OTHERS, others, strict=True)),
            # It is here that this is answered, whatever its database does.
            COMMAND_API: [self._about.without_upkeep() if own is None else own],
        }
        gateways = None if fleet is None else fleet.gateways
        return SystemView(
            time=format_time_ms(now_ms()),
            version=self._version,
            services=[
                gateways_state(WS_GATEWAY, gateways),
                *(service_state(one, told[one], _consumers(counts, one)) for one in told),
            ],
            gateways=gateways,
            broker=BrokerState(
                state="up" if self._broker.is_up() else "down",
                version=self._broker.version(),
                queues=counts
                and [
                    QueueView(name=name, ready=one.ready, consumers=one.consumers)
                    for name, one in counts.items()
                ],
            ),
            database=DatabaseState(
                state="down" if size is None else "up",
                version=size and size.version,
                size_bytes=size and size.size_bytes,
                schemas=size and size.schemas,
            ),
            backups=backups,
            warnings=warnings_of(told, (STATION_REGISTRY, {} if fleet is None else fleet.warnings)),
            paused=paused_of(told),
            upkeep=upkeep_of(told),
        )

    async def _fleet(self) -> FleetStatus:
        found = await self._services.ask(STATION_REGISTRY, "fleet.status", {})
        return FleetStatus.model_validate(found)

    async def _tell(self, connection: AsyncConnection) -> About:
        return await self._about.tell(connection, AskAbout())

    async def _read(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        return await in_transaction(self._engine, work)

    async def _instances(self, service: str, replicas: int | None) -> list[About]:
        times = min(max(replicas or 0, 1), ASKED_AT_MOST)
        found = await asyncio.gather(
            *(_attempt(service, self._instance(service)) for _ in range(times))
        )
        return [one for one in found if one is not None]

    async def _instance(self, service: str) -> About:
        return About.model_validate(await self._services.ask(service, ABOUT, {}))


def _consumers(counts: dict[str, QueueCounts] | None, service: str) -> int | None:
    """Return how many instances take a service's requests; command-api's take orders."""
    queue = command_orders_queue() if service == COMMAND_API else requests_queue(service)
    counted = (counts or {}).get(queue.name)
    return None if counted is None else counted.consumers


async def _attempt(part: str, work: Awaitable[Result]) -> Result | None:
    try:
        async with asyncio.timeout(PART_S):
            return await work
    except (
        ServiceAway,
        ProblemRaised,
        BrokerError,
        Unavailable,
        ValidationError,
        TimeoutError,
    ) as error:
        log.warning("system_without_part", part=part, error=str(error)[:200])
        return None
