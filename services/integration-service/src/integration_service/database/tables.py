"""All tables of the schema `integration`; each is defined in its block.

A component test compares them with what the migrations make.
"""

from integration_service.database.metadata import metadata
from integration_service.database.service_tables import (
    bulk_action,
    outbox,
    outbox_deferred,
    parked,
    upkeep_turn,
)
from integration_service.event_store.tables import (
    event_floor,
    event_head,
    event_minute,
    event_segment,
    event_type,
    station_site,
)
from integration_service.public_exchange.tables import public_deferred, public_feed
from integration_service.replays.tables import replay

__all__ = [
    "bulk_action",
    "event_floor",
    "event_head",
    "event_minute",
    "event_segment",
    "event_type",
    "metadata",
    "outbox",
    "outbox_deferred",
    "parked",
    "public_deferred",
    "public_feed",
    "replay",
    "station_site",
    "upkeep_turn",
]
