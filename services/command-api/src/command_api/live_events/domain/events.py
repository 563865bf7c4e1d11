"""An event as it goes out, and which are wanted."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from csms_shared.contracts.event_globs import is_of_station, matches, routing_key_of
from csms_shared.contracts.event_store import StoredEvent
from csms_shared.values.tenants import DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """An event as it goes out: made into text once for all streams."""

    position: int
    type: str
    routing_key: str
    tenant_id: str
    subject: str
    text: str


def live_event(stored: StoredEvent) -> LiveEvent:
    """Return a stored event as it goes out."""
    event = stored.event
    type_ = str(event.get("type", ""))
    return LiveEvent(
        position=stored.position,
        type=type_,
        routing_key=routing_key_of(type_),
        tenant_id=event.get("tenantid", DEFAULT_TENANT),
        subject=event.get("subject", ""),
        text=orjson.dumps(event).decode(),
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events of a tenant somebody wants; `types` are globs, any one of them, or all types.

    `of_stations`: only those whose subject is a station.
    """

    tenant_id: str
    station_id: str | None = None
    types: tuple[str, ...] = ()
    of_stations: bool = False

    def holds(self, event: LiveEvent) -> bool:
        """Tell whether the event is wanted."""
        if event.tenant_id != self.tenant_id:
            return False
        if self.of_stations and not is_of_station(event.routing_key):
            return False
        if self.station_id is not None and event.subject != self.station_id:
            return False
        return not self.types or _is_meant(event.routing_key, self.types)

    def asked(self) -> dict[str, Any]:
        """Return what the event store is asked for, of the tenant for which it is asked."""
        return {
            "types": list(self.types),
            "station_id": self.station_id,
            "of_stations": self.of_stations,
        }


# Each event meets each stream: there are few routing keys, and few lists of globs.
@lru_cache(maxsize=10_000)
def _is_meant(routing_key: str, types: tuple[str, ...]) -> bool:
    return matches(routing_key, types)
