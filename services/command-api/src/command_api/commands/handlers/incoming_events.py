"""Events of the other services that act on commands."""

from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.commands.domain.remote_starts import SeenStart
from command_api.commands.store.transaction_starts import link_starts, store_starts
from csms_shared.contracts.events import CloudEvent, event_type
from csms_shared.contracts.message_types import MessageType
from csms_shared.service.inbox import Reply, Work
from csms_shared.values.times import read_moment

_STARTED = event_type("transaction.started")
_MAY_BE_SENT = (event_type("station.connected"), event_type("station.registration_changed"))


class IncomingEvents:
    """Links transactions to the remote starts that caused them; wakes held commands."""

    def __init__(self, wake_held: Callable[[Sequence[str]], None]) -> None:
        self._wake_held = wake_held
        self._stations: list[str] = []

    async def apply(self, connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
        """Take in batches of CloudEvents."""
        events = [
            CloudEvent.model_validate(item)
            for work in works
            if work.type == MessageType.EVENTS
            for item in work.item
        ]
        starts = [_start(event) for event in events if event.type == _STARTED]
        if starts:
            await link_starts(connection, await store_starts(connection, starts))
        # Held commands lie in the database: a lost wake-up is made good by the sweep.
        self._stations += [event.subject for event in events if event.type in _MAY_BE_SENT]
        return []

    def committed(self) -> None:
        """Wake held commands of the stations seen."""
        stations, self._stations = self._stations, []
        if stations:
            self._wake_held(stations)


def _start(event: CloudEvent) -> SeenStart:
    return SeenStart(
        transaction_id=int(event.data["transaction_id"]),
        station_id=event.subject,
        id_token=str(event.data["id_token"]),
        connector_id=int(event.data["connector_id"]),
        # The station's own clock may be wrong by years.
        seen_ms=round(read_moment(event.time).timestamp() * 1000),
        tenant_id=event.tenantid,
    )
