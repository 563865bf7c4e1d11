"""All events, as this instance sees them: for its map, its waiting requests, its streams."""

from uuid import UUID

import orjson
import structlog
from pydantic import TypeAdapter, ValidationError

from command_api.amqp.owner_map import OwnerMap
from command_api.handlers.event_hub import EventHub
from command_api.handlers.watched_commands import WatchedCommands
from command_api.store.command_changes import COMPLETED_KEY
from csms_shared.broker.consumer import Delivery
from csms_shared.contracts.events import CloudEvent, event_type
from csms_shared.contracts.message_types import MessageType

log = structlog.get_logger(__name__)

_COMPLETED = event_type(COMPLETED_KEY)
_OWN_KEYS = ("station.", COMPLETED_KEY)
_BATCH = TypeAdapter(list[CloudEvent])


class EventStream:
    """Consumer handler of the instance's event queue."""

    def __init__(
        self,
        owners: OwnerMap,
        watched: WatchedCommands,
        hub: EventHub,
    ) -> None:
        self._owners = owners
        self._watched = watched
        self._hub = hub

    async def __call__(self, deliveries: list[Delivery]) -> None:
        """Take in the events; those that can't be read were never ours to keep."""
        for delivery in deliveries:
            if delivery.type != MessageType.EVENTS:
                continue
            # Most events concern open streams alone: without one they need not even be read.
            if not self._hub.listening and not delivery.routing_key.startswith(_OWN_KEYS):
                continue
            try:
                events = _BATCH.validate_python(orjson.loads(delivery.body))
            except (orjson.JSONDecodeError, ValidationError) as error:
                log.warning("event_not_understood", error=str(error)[:500])
                continue
            for event in events:
                self._take(event)

    async def lost(self) -> None:
        """Events may be missing from here on: trust nothing that was remembered."""
        self._owners.forget_all()

    def _take(self, event: CloudEvent) -> None:
        self._owners.saw(event)
        if event.type == _COMPLETED:
            self._watched.ended_elsewhere([UUID(event.data["command_id"])])
        self._hub.publish(event)
