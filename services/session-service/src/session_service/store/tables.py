"""Tables of the schema `session`, by subject.

A component test compares them with what the migrations make.
"""

from csms_shared.db.tables import (
    bulk_action_table,
    outbox_deferred_table,
    outbox_table,
    parked_table,
    upkeep_turn_table,
)
from session_service.charging.tables import (
    charging_clearing,
    charging_profile,
    reported_schedule,
)
from session_service.local_lists.tables import local_list, local_list_content
from session_service.metering.tables import meter_value, meter_value_week
from session_service.reservations.tables import (
    reservation,
    reservation_cancellation,
    reservation_ids,
    reservation_outage,
)
from session_service.store.metadata import SCHEMA, metadata
from session_service.tokens.tables import id_token
from session_service.transactions.tables import (
    PgSnapshot,
    Xid8,
    change_history,
    connector,
    quarantine,
    stop,
    transaction,
    transaction_ids,
)

outbox = outbox_table(metadata)
outbox_deferred = outbox_deferred_table(metadata)
parked = parked_table(metadata)
upkeep_turn = upkeep_turn_table(metadata)
bulk_action = bulk_action_table(metadata)

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
    "stop",
    "transaction",
    "transaction_ids",
    "upkeep_turn",
]
