"""The events that change what this instance remembers: its map and its waiting requests."""

from uuid import UUID

from command_api.amqp.event_reading import take_events
from command_api.amqp.owner_map import OwnerMap
from command_api.commands.handlers.watched import WatchedCommands
from csms_shared.broker.consumer import Delivery
from csms_shared.broker.topology import COMMAND_COMPLETED_KEY
from csms_shared.contracts.events import CloudEvent, event_type

_COMPLETED = event_type(COMMAND_COMPLETED_KEY)


class OwnEvents:
    """Consumer handler of the instance's queue of events."""

    def __init__(self, owners: OwnerMap, watched: WatchedCommands) -> None:
        self._owners = owners
        self._watched = watched

    async def __call__(self, deliveries: list[Delivery]) -> None:
        """Take in the events."""
        take_events(deliveries, self._take)

    def _take(self, event: CloudEvent) -> None:
        self._owners.saw(event)
        if event.type == _COMPLETED:
            self._watched.ended_elsewhere([UUID(event.data["command_id"])])

    async def lost(self) -> None:
        """Events may be missing from here on: trust nothing that was remembered."""
        self._owners.forget_all()
