"""Events of a test, stored as the inbox does and read as requests do."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.contracts.event_store import EventPage, ReadEvents
from csms_shared.contracts.events import event_id, event_type
from csms_shared.db.engine import in_transaction
from csms_shared.db.tenancy import acting_for
from csms_shared.values.tenants import DEFAULT_TENANT
from csms_shared.values.times import format_time
from integration_service.event_store.domain import Event, read_event
from integration_service.event_store.reading import read_events
from integration_service.event_store.storing import StoredBatch, Storing

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def told(
    number: int,
    station_id: str = "S-1",
    key: str = "transaction.started",
    *,
    tenant_id: str = DEFAULT_TENANT,
    at: datetime = NOON,
    data: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an event as a service tells it; its number is in its data."""
    return {
        "specversion": "1.0",
        "id": event_id(key, station_id, tenant_id, number),
        "source": "/csms/session-service",
        "type": event_type(key),
        "subject": station_id,
        "time": format_time(at + timedelta(seconds=number)),
        "tenantid": tenant_id,
        "datacontenttype": "application/json",
        "data": {"n": number} if data is None else data,
    }


class Books:
    """A process that stores, and requests."""

    def __init__(self, engine: AsyncEngine, requests_engine: AsyncEngine) -> None:
        self.engine = engine
        self._requests = requests_engine
        self.storing = Storing(engine)

    async def store(
        self, events: Sequence[dict[str, Any]], storing: Storing | None = None
    ) -> list[StoredBatch]:
        """Store events in one batch."""
        batches, failures = await (storing or self.storing)([*map(read_event, events)])
        assert failures == []
        return batches

    async def page(self, **asked: Any) -> EventPage:
        """Return what a request sees."""
        parameters = ReadEvents(**({"tenant_id": DEFAULT_TENANT, "limit": 500} | asked))
        with acting_for(parameters.tenant_id):
            return await in_transaction(
                self._requests, lambda connection: read_events(connection, parameters)
            )

    async def all(self, **asked: Any) -> list[tuple[int, dict[str, Any]]]:
        """Return what a reader sees who goes on to the end."""
        found: list[tuple[int, dict[str, Any]]] = []
        while True:
            page = await self.page(**asked)
            found += [(item.position, item.event) for item in page.items]
            if page.is_end:
                return found
            asked["after"] = page.position

    async def numbers(self, **asked: Any) -> list[int]:
        """Return the numbers of the events that a reader sees."""
        return [event["data"]["n"] for _, event in await self.all(**asked)]

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return what the service's role sees."""
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]


def read(events: Sequence[dict[str, Any]]) -> list[Event]:
    """Return events as the inbox reads them."""
    return [*map(read_event, events)]
