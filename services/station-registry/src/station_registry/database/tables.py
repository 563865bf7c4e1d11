"""Tables of the schema `registry`, by subject."""

from csms_shared.db.tables import (
    bulk_action_table,
    outbox_deferred_table,
    outbox_table,
    parked_table,
    upkeep_turn_table,
)
from station_registry.certificates.tables import (
    certificate,
    certificate_authority,
    certificate_listing,
    certificate_request,
    installed_certificate,
    security_event,
)
from station_registry.configuration.tables import (
    configuration_template,
    configuration_value,
)
from station_registry.database.metadata import metadata
from station_registry.jobs.tables import (
    firmware_rollout,
    firmware_rollout_station,
    station_job,
    station_job_report,
)
from station_registry.provisioning.tables import (
    connector,
    data_transfer,
    gateway,
    lease_watch,
    station,
    station_connection,
    station_listing,
    station_liveness,
    tolerance,
)
from station_registry.traffic.tables import (
    recording,
    refusal,
)

outbox = outbox_table(metadata)
outbox_deferred = outbox_deferred_table(metadata)
parked = parked_table(metadata)
upkeep_turn = upkeep_turn_table(metadata)
bulk_action = bulk_action_table(metadata)

__all__ = [
    "bulk_action",
    "certificate",
    "certificate_authority",
    "certificate_listing",
    "certificate_request",
    "configuration_template",
    "configuration_value",
    "connector",
    "data_transfer",
    "firmware_rollout",
    "firmware_rollout_station",
    "gateway",
    "installed_certificate",
    "lease_watch",
    "metadata",
    "outbox",
    "outbox_deferred",
    "parked",
    "recording",
    "refusal",
    "security_event",
    "station",
    "station_connection",
    "station_job",
    "station_job_report",
    "station_listing",
    "station_liveness",
    "tolerance",
    "upkeep_turn",
]
