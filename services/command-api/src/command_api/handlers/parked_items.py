"""Parked items of all services, this one's own included, as one list.

The services' lists come one after the other, each newest first: a cursor is the service's name
and its own cursor. An item's id is `<service>:<id>`.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from command_api.handlers.ports import Services
from csms_shared.broker.topology import COMMAND_API, SESSION_SERVICE, STATION_REGISTRY
from csms_shared.contracts.pages import PageQuery, ParkedId
from csms_shared.db.cursors import BadCursor, as_text, decode_cursor, encode_cursor
from csms_shared.db.engine import RequestHandler
from csms_shared.refusals import refuse

_ORDER = (STATION_REGISTRY, SESSION_SERVICE, COMMAND_API)


class ParkedItems:
    """Lists, replays and deletes; `own` are the operations on this service's table."""

    def __init__(self, services: Services, own: Mapping[str, RequestHandler]) -> None:
        self._services = services
        self._own = own

    async def list_page(self, limit: int, cursor: str | None) -> dict[str, Any]:
        """Return a page, which may end where one service's list does and the next begins."""
        service, inner = _position(cursor)
        items: list[dict[str, Any]] = []
        while True:
            page = await self._ask(
                service, "parked.list", PageQuery(limit=limit - len(items), cursor=inner)
            )
            items += [{**item, "id": f"{service}:{item['id']}"} for item in page["items"]]
            inner = page["next_cursor"]
            if inner is None:
                following = _ORDER.index(service) + 1
                if following == len(_ORDER):
                    return {"items": items, "next_cursor": None}
                service = _ORDER[following]
            if len(items) >= limit:
                return {"items": items, "next_cursor": encode_cursor(service, inner or "")}

    async def replay(self, item_id: str) -> None:
        """Put an item back into its queue."""
        service, inner = _parts(item_id)
        await self._ask(service, "parked.replay", ParkedId(id=inner))

    async def delete(self, item_id: str) -> None:
        """Delete an item for good."""
        service, inner = _parts(item_id)
        await self._ask(service, "parked.delete", ParkedId(id=inner))

    async def _ask(self, service: str, operation: str, parameters: BaseModel) -> Any:
        if service != COMMAND_API:
            return await self._services.ask(service, operation, parameters.model_dump())
        result = await self._own[operation](parameters)
        return result.model_dump(mode="json") if isinstance(result, BaseModel) else result


def _position(cursor: str | None) -> tuple[str, str | None]:
    if cursor is None:
        return _ORDER[0], None
    service, inner = decode_cursor(cursor, as_text, as_text)
    if service not in _ORDER:
        raise BadCursor
    return service, inner or None


def _parts(item_id: str) -> tuple[str, str]:
    service, _, inner = item_id.partition(":")
    if service not in _ORDER or not inner:
        raise refuse(404, "not_found", f"there is no parked item {item_id}")
    return service, inner
