"""All tables of the schema `session`; each is defined in its block.

A component test compares them with what the migrations make.
"""

from session_service.charging.tables import (
    charging_clearing,
    charging_profile,
    reported_schedule,
)
from session_service.database import SCHEMA
from session_service.database.metadata import metadata
from session_service.database.service_tables import (
    bulk_action,
    outbox,
    outbox_deferred,
    parked,
    upkeep_turn,
)
from session_service.local_lists.tables import local_list, local_list_content
from session_service.metering.tables import meter_value, meter_value_week
from session_service.places.tables import station_place
from session_service.quarantine.tables import quarantine
from session_service.reservations.tables import (
    reservation,
    reservation_cancellation,
    reservation_ids,
    reservation_outage,
)
from session_service.tokens.tables import id_token
from session_service.transactions.tables import (
    PgSnapshot,
    Xid8,
    change_history,
    connector,
    live_figures,
    stop,
    transaction,
    transaction_ids,
    transaction_tag,
)

__all__ = [
    "SCHEMA",
    "PgSnapshot",
    "Xid8",
    "bulk_action",
    "change_history",
    "charging_clearing",
    "charging_profile",
    "connector",
    "id_token",
    "live_figures",
    "local_list",
    "local_list_content",
    "metadata",
    "meter_value",
    "meter_value_week",
    "outbox",
    "outbox_deferred",
    "parked",
    "quarantine",
    "reported_schedule",
    "reservation",
    "reservation_cancellation",
    "reservation_ids",
    "reservation_outage",
    "station_place",
    "stop",
    "transaction",
    "transaction_ids",
    "transaction_tag",
    "upkeep_turn",
]
