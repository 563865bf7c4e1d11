"""Tables that every service with a database has."""

from billing_service.database.metadata import metadata
from csms_shared.db.tables import (
    bulk_action_table,
    outbox_deferred_table,
    outbox_table,
    parked_table,
    upkeep_turn_table,
)

outbox = outbox_table(metadata)
outbox_deferred = outbox_deferred_table(metadata)
parked = parked_table(metadata)
upkeep_turn = upkeep_turn_table(metadata)
bulk_action = bulk_action_table(metadata)
