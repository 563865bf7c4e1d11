"""Parked items of all services, this one's own included, as one list.

The services' lists come one after the other, each newest first: a cursor is the service's name
and its own cursor. An item's id is `<service>:<id>`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from command_api.bulk.handlers import BulkOrder, in_batches
from command_api.ports import Services
from csms_shared.broker.topology import (
    BILLING_SERVICE,
    COMMAND_API,
    INTEGRATION_SERVICE,
    SESSION_SERVICE,
    STATION_REGISTRY,
)
from csms_shared.contracts.bulk import BulkOutcome
from csms_shared.contracts.pages import (
    PARKED_OPERATIONS,
    CountParked,
    ListParked,
    ParkedCount,
    ParkedFilter,
    ParkedId,
)
from csms_shared.contracts.refusals import refuse
from csms_shared.db.cursors import BadCursor, as_text, decode_cursor, encode_cursor
from csms_shared.db.engine import RequestHandler

_ORDER = (STATION_REGISTRY, SESSION_SERVICE, COMMAND_API, INTEGRATION_SERVICE, BILLING_SERVICE)


class ParkingService(StrEnum):
    """Services that park what they can't process, in the order of the list."""

    STATION_REGISTRY = STATION_REGISTRY
    SESSION_SERVICE = SESSION_SERVICE
    COMMAND_API = COMMAND_API
    INTEGRATION_SERVICE = INTEGRATION_SERVICE
    BILLING_SERVICE = BILLING_SERVICE


@dataclass(frozen=True, slots=True)
class Which:
    """Which parked items; `replayed`: whether they were put back since."""

    service: ParkingService | None
    filter: ParkedFilter
    replayed: bool | None = None

    @property
    def services(self) -> tuple[str, ...]:
        """Return the services that may have them."""
        return _ORDER if self.service is None else (self.service.value,)


class ParkedItems:
    """Lists, replays and deletes; `own` are the operations on this service's table."""

    def __init__(self, services: Services, own: Mapping[str, RequestHandler]) -> None:
        self._services = services
        self._own = own

    async def list_page(self, which: Which, limit: int, cursor: str | None) -> dict[str, Any]:
        """Return a page, which may end where one service's list does and the next begins."""
        services = which.services
        service, inner = _position(services, cursor)
        items: list[dict[str, Any]] = []
        while True:
            page = await self._ask(
                service,
                "parked.list",
                ListParked(
                    **which.filter.model_dump(),
                    replayed=which.replayed,
                    limit=limit - len(items),
                    cursor=inner,
                ),
            )
            items += [{**item, "id": f"{service}:{item['id']}"} for item in page["items"]]
            inner = page["next_cursor"]
            if inner is None:
                following = services.index(service) + 1
                if following == len(services):
                    return {"items": items, "next_cursor": None}
                service = services[following]
            if len(items) >= limit:
                return {"items": items, "next_cursor": encode_cursor(service, inner or "")}

    async def count(self, service: ParkingService) -> ParkedCount:
        """Return how many items of a service wait, with the newest."""
        told = await self._ask(service.value, "parked.count", CountParked())
        return ParkedCount.model_validate(told)

    async def replay(self, item_id: str) -> None:
        """Put an item back into its queue."""
        service, inner = _parts(item_id)
        await self._ask(service, "parked.replay", ParkedId(id=inner))

    async def delete(self, item_id: str) -> None:
        """Delete an item for good."""
        service, inner = _parts(item_id)
        await self._ask(service, "parked.delete", ParkedId(id=inner))

    async def replay_many(self, which: Which, order: BulkOrder, action_id: UUID) -> BulkOutcome:
        """Put items that were not put back yet into their queues."""
        return await self._many("parked.replay_many", which, order, action_id)

    async def delete_many(self, which: Which, order: BulkOrder, action_id: UUID) -> BulkOutcome:
        """Delete items for good."""
        return await self._many("parked.delete_many", which, order, action_id)

    async def _many(
        self, operation: str, which: Which, order: BulkOrder, action_id: UUID
    ) -> BulkOutcome:
        model = PARKED_OPERATIONS[operation]
        filter = which.filter.model_dump() | {"replayed": which.replayed}

        async def ask(service: str, batch: dict[str, Any]) -> BulkOutcome:
            done = await self._ask(service, operation, model.model_validate(filter | batch))
            outcome = BulkOutcome.model_validate(done)
            for failure in outcome.failures:
                failure.id = f"{service}:{failure.id}"
            return outcome

        return await in_batches(ask, which.services, order, action_id)

    async def _ask(self, service: str, operation: str, parameters: BaseModel) -> Any:
        if service != COMMAND_API:
            return await self._services.ask(service, operation, parameters.model_dump(mode="json"))
        result = await self._own[operation](parameters)
        return result.model_dump(mode="json") if isinstance(result, BaseModel) else result


def _position(services: tuple[str, ...], cursor: str | None) -> tuple[str, str | None]:
    if cursor is None:
        return services[0], None
    service, inner = decode_cursor(cursor, as_text, as_text)
    if service not in services:
        raise BadCursor
    return service, inner or None


def _parts(item_id: str) -> tuple[str, str]:
    service, _, inner = item_id.partition(":")
    if service not in _ORDER or not inner:
        raise refuse(404, "not_found", f"there is no parked item {item_id}")
    return service, inner
