"""Asks all services at once for what they have to tell; one that is away costs its own part."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.commands.store.failures import failed_commands, stations_of_failures
from command_api.concurrency.remembered import Remembered
from command_api.live_events.handlers.stored_events import StoredEvents
from command_api.overview.domain import (
    AttentionOfKind,
    by_urgency,
    day_began,
    every_hour,
    first_hour,
    together,
)
from command_api.parked.handlers import ParkedItems, ParkingService
from command_api.ports import ServiceAway, Services
from command_api.refused_stations.domain import explanation
from command_api.scopes.handlers import stations_in_scope
from command_api.tenants.handlers import Tenants
from csms_shared.broker.topology import (
    BILLING_SERVICE,
    COMMAND_API,
    INTEGRATION_SERVICE,
    SESSION_SERVICE,
    STATION_REGISTRY,
)
from csms_shared.contracts.event_store import SystemEventView
from csms_shared.contracts.overview import (
    EXAMPLES_MAX,
    OVERVIEW_OF_BILLS,
    OVERVIEW_OF_SESSIONS,
    OVERVIEW_OF_STATIONS,
    Attention,
    AttentionExample,
    BillCounts,
    BillsOverview,
    ConnectorCounts,
    HourOfSessions,
    SessionCounts,
    SessionsOverview,
    StationCounts,
    StationsOverview,
)
from csms_shared.contracts.pages import PAGE_MAX, Page
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.scopes import Scope
from csms_shared.contracts.stations import IN_SCOPE_MAX
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.clock import utc_now
from csms_shared.runtime.errors import Unavailable
from csms_shared.values.times import format_time

log = structlog.get_logger(__name__)

FRESH_S = 2.0
VIEWPOINTS_MAX = 1_000
# Before everything else: how far the event store is, and where the tenant's clocks stand.
FIRST_S = 1.5
PART_S = 3.0
_DAY = timedelta(hours=24)

Told = TypeVar("Told")
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Whose overview: a tenant's, within a scope or all of it.

    `of_deployment`: it is shown what belongs to no tenant, too.
    """

    tenant_id: str
    scope: Scope | None
    of_deployment: bool


class SessionsToday(SessionCounts):
    """Sessions, and when today began: at midnight in the tenant's time zone, else in UTC."""

    today_from: str


class OverviewView(BaseModel):
    """What an operator sees first. A part of a service that is `away` is null.

    `position`: of the newest event before all of this: `/events` with it as `after` tells whatever
    changes from here on, and may tell of what is in here already. `energy_by_hour`: the last 24
    full hours of UTC and the present one; a session's energy counts in the hour in which it ended,
    and the present hour has what the sessions that go on have charged so far. `attention`: the most
    urgent kind first, only what there is. `away`: services that did not answer; what they know of
    that needs attention is not in here.
    """

    time: str
    position: int | None
    stations: StationCounts | None
    connectors: ConnectorCounts | None
    sessions: SessionsToday | None
    energy_by_hour: list[HourOfSessions] | None
    bills: BillCounts | None
    attention: list[AttentionOfKind]
    away: list[str]


@dataclass(slots=True)
class _Attempts:
    """Bounded attempts, and who was away in them."""

    away: set[str] = field(default_factory=set)

    async def of(self, service: str, within_s: float, work: Awaitable[Told]) -> Told | None:
        """Return what the work returns, None where the service is away."""
        try:
            async with asyncio.timeout(within_s):
                return await work
        except (ServiceAway, ProblemRaised, Unavailable, ValidationError, TimeoutError) as error:
            log.warning("overview_without_part", away=service, error=str(error)[:200])
            self.away.add(service)
            return None


class Overviews:
    """Makes overviews, each at most once in `FRESH_S`.

    `engine` sees the rows of the tenant that is acted for.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        services: Services,
        stored_events: StoredEvents,
        tenants: Tenants,
        parked: ParkedItems,
    ) -> None:
        self._engine = engine
        self._services = services
        self._stored_events = stored_events
        self._tenants = tenants
        self._parked = parked
        self._remembered: Remembered[Viewpoint, OverviewView] = Remembered(FRESH_S, VIEWPOINTS_MAX)

    async def get(self, viewpoint: Viewpoint) -> OverviewView:
        """Return the overview for who asks, for whom services are asked here."""
        return await self._remembered.get(viewpoint, lambda: self._make(viewpoint))

    async def _make(self, viewpoint: Viewpoint) -> OverviewView:
        attempts = _Attempts()
        # Events of what is read afterwards have greater positions, or are in it already.
        position, zone = await asyncio.gather(
            attempts.of(INTEGRATION_SERVICE, FIRST_S, self._stored_events.head()),
            attempts.of(STATION_REGISTRY, FIRST_S, self._tenants.time_zone(viewpoint.tenant_id)),
        )
        now = utc_now()
        today_from, hours_from = day_began(now, zone), first_hour(now)
        times = {"today_from": format_time(today_from), "hours_from": format_time(hours_from)}
        stations, sessions, bills, commands, parked, system = await asyncio.gather(
            attempts.of(
                STATION_REGISTRY,
                PART_S,
                self._ask(STATION_REGISTRY, OVERVIEW_OF_STATIONS, {}, StationsOverview),
            ),
            attempts.of(
                SESSION_SERVICE,
                PART_S,
                self._ask(SESSION_SERVICE, OVERVIEW_OF_SESSIONS, times, SessionsOverview),
            ),
            attempts.of(
                BILLING_SERVICE,
                PART_S,
                self._ask(BILLING_SERVICE, OVERVIEW_OF_BILLS, {}, BillsOverview),
            ),
            attempts.of(COMMAND_API, PART_S, self._failed_commands(viewpoint)),
            self._parked_items(viewpoint, attempts),
            self._system_events(viewpoint, attempts),
        )
        return OverviewView(
            time=format_time(now),
            position=position,
            stations=stations and stations.stations,
            connectors=stations and stations.connectors,
            sessions=sessions
            and SessionsToday(**sessions.sessions.model_dump(), today_from=times["today_from"]),
            energy_by_hour=sessions
            and every_hour(hours_from, sessions.energy_by_hour, sessions.sessions.energy_active_wh),
            bills=bills and bills.bills,
            attention=by_urgency(
                {
                    **(_in_words(stations.attention) if stations else {}),
                    **(sessions.attention if sessions else {}),
                    "commands_failed": commands,
                    "parked": parked,
                    "system": system,
                }
            ),
            away=sorted(attempts.away),
        )

    async def _ask(
        self, service: str, operation: str, parameters: dict[str, Any], model: type[Model]
    ) -> Model:
        return model.model_validate(await self._services.ask(service, operation, parameters))

    async def _failed_commands(self, viewpoint: Viewpoint) -> Attention | None:
        tenant_id, scope = viewpoint.tenant_id, viewpoint.scope
        if scope is None:
            return await self._read(lambda one: failed_commands(one, tenant_id))
        stations = await self._read(lambda one: stations_of_failures(one, tenant_id, IN_SCOPE_MAX))
        inside = await stations_in_scope(self._services, scope, stations)
        found = await self._read(lambda one: failed_commands(one, tenant_id, inside))
        if found is not None and len(stations) == IN_SCOPE_MAX:
            found.count_is_bound = True
        return found

    async def _read(self, work: Callable[[AsyncConnection], Awaitable[Told]]) -> Told:
        return await in_transaction(self._engine, work)

    async def _parked_items(self, viewpoint: Viewpoint, attempts: _Attempts) -> Attention | None:
        if not viewpoint.of_deployment:
            return None
        counts = await asyncio.gather(
            *(
                attempts.of(service.value, PART_S, self._parked.count(service))
                for service in ParkingService
            )
        )
        return together(
            {
                service.value: None if count is None else count.waiting
                for service, count in zip(ParkingService, counts, strict=True)
            }
        )

    async def _system_events(self, viewpoint: Viewpoint, attempts: _Attempts) -> Attention | None:
        if not viewpoint.of_deployment:
            return None
        errors = {
            "level": "error",
            "from_time": format_time(utc_now() - _DAY),
            "limit": PAGE_MAX,
        }
        page = await attempts.of(
            INTEGRATION_SERVICE,
            PART_S,
            self._ask(INTEGRATION_SERVICE, "events.list_system", errors, Page[SystemEventView]),
        )
        if page is None or not page.items:
            return None
        return Attention(
            count=len(page.items),
            count_is_bound=page.next_cursor is not None,
            since=page.items[-1].time,
            examples=[
                AttentionExample(id=str(one.position), at=one.time, text=one.message)
                for one in page.items[:EXAMPLES_MAX]
            ],
        )


def _in_words(attention: dict[str, Attention]) -> dict[str, Attention]:
    """Return what station-registry tells, with what its reasons of refusals mean."""
    for example in attention["refusals"].examples if "refusals" in attention else ():
        example.text = explanation(example.text).title
    return attention
