"""Tables of the schema `registry`.

Station ids are collated "C": the order of locks is the order of their bytes everywhere. Nothing
refers to `station` by a foreign key: rows of a station are written under its lock or are history,
and a shared lock per child row would cost more than it guards.
"""

from sqlalchemy import (
    ARRAY,
    JSON,
    UUID,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from csms_shared.db.tables import outbox_table, parked_table

metadata = MetaData()


def _station_id() -> Column[str]:
    return Column("station_id", Text(collation="C"), nullable=False)


# A deleted station keeps its row: its epoch must go on growing if it ever comes back.
# `recent_connections`: newest first, each with an epoch one lower than the one before.
# `connection_profile`: the security profile that the connection of `epoch` really met.
station = Table(
    "station",
    metadata,
    _station_id(),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
    Column("released_epoch", BigInteger, nullable=False, server_default="0"),
    Column("recent_connections", ARRAY(Text), nullable=False, server_default="{}"),
    Column("auto_created", Boolean, nullable=False, server_default=text("false")),
    Column("registration_status", Text, nullable=False),
    Column("registration_decided", Boolean, nullable=False, server_default=text("false")),
    Column("boot_policy", Text),
    Column("security_profile", SmallInteger, nullable=False, server_default="0"),
    Column("connection_profile", SmallInteger, nullable=False, server_default="0"),
    # A higher profile that counts besides, until the first connection with it.
    Column("upgrade_profile", SmallInteger),
    Column("upgrade_accepted", Boolean, nullable=False, server_default=text("false")),
    Column("registered_serial_number", Text(collation="C")),
    Column("heartbeat_interval", Integer),
    Column("strict", Boolean, nullable=False, server_default=text("false")),
    Column("password_hashes", ARRAY(LargeBinary), nullable=False, server_default="{}"),
    Column("previous_password_hashes", ARRAY(LargeBinary), nullable=False, server_default="{}"),
    Column("either_password", Boolean, nullable=False, server_default=text("false")),
    # When the station said that a new password takes a reboot, and when it last took a Reset.
    Column("password_reboot_at", DateTime(True)),
    Column("reset_at", DateTime(True)),
    Column("ocpp_version", Text),
    Column("vendor", Text),
    Column("model", Text),
    Column("serial_number", Text),
    Column("charge_box_serial_number", Text),
    Column("firmware_version", Text),
    Column("iccid", Text),
    Column("imsi", Text),
    Column("meter_type", Text),
    Column("meter_serial_number", Text),
    Column("boot_count", Integer, nullable=False, server_default="0"),
    Column("boot_epoch", BigInteger, nullable=False, server_default="0"),
    Column("boot_seq", BigInteger, nullable=False, server_default="0"),
    Column("last_boot_at", DateTime(True)),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("deleted_at", DateTime(True)),
    PrimaryKeyConstraint("station_id", name="station_pkey"),
    Index(
        "station_auto_created",
        "station_id",
        postgresql_where=text("auto_created AND deleted_at IS NULL"),
    ),
    # Two stations must not be let in by one certificate.
    Index(
        "station_registered_serial_number",
        "registered_serial_number",
        unique=True,
        postgresql_where=text("deleted_at IS NULL"),
    ),
)

# Apart from `station`, because it changes far more often and only ever grows.
station_liveness = Table(
    "station_liveness",
    metadata,
    _station_id(),
    Column("epoch", BigInteger, nullable=False),
    Column("last_seen_at", DateTime(True), nullable=False),
    PrimaryKeyConstraint("station_id", name="station_liveness_pkey"),
)

station_connection = Table(
    "station_connection",
    metadata,
    _station_id(),
    Column("gateway_id", Text, nullable=False),
    Column("connection_id", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("ocpp_version", Text, nullable=False),
    Column("remote_address", Text, nullable=False),
    Column("connected_at", DateTime(True), nullable=False),
    PrimaryKeyConstraint("station_id", name="station_connection_pkey"),
    Index("station_connection_by_gateway", "gateway_id"),
    Index("station_connection_by_time", "connected_at", "station_id"),
)

# `ended_at`: connections were taken from this gateway because its lease had run out.
gateway = Table(
    "gateway",
    metadata,
    Column("gateway_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("connections", Integer, nullable=False, server_default="0"),
    Column("version", Text, nullable=False, server_default=""),
    Column("started_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("draining", Boolean, nullable=False, server_default=text("false")),
    Column("lease_expires_at", DateTime(True), nullable=False),
    Column("ended_at", DateTime(True)),
    PrimaryKeyConstraint("gateway_id", name="gateway_pkey"),
)

# One row: when leases were last looked at. A gap means that nobody could renew either.
lease_watch = Table(
    "lease_watch",
    metadata,
    Column("only_row", Boolean, nullable=False, server_default=text("true")),
    Column("looked_at", DateTime(True), nullable=False),
    PrimaryKeyConstraint("only_row", name="lease_watch_pkey"),
)

connector = Table(
    "connector",
    metadata,
    _station_id(),
    Column("connector_id", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("info", Text),
    Column("vendor_id", Text),
    Column("vendor_error_code", Text),
    Column("station_time", Text),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("connection_id", Text, nullable=False),
    Column("received_at", DateTime(True), nullable=False),
    PrimaryKeyConstraint("station_id", "connector_id", name="connector_pkey"),
)

# How often each deviation of a station was forgiven; a message handled twice counts twice.
tolerance = Table(
    "tolerance",
    metadata,
    _station_id(),
    Column("name", Text(collation="C"), nullable=False),
    Column("times", BigInteger, nullable=False),
    PrimaryKeyConstraint("station_id", "name", name="tolerance_pkey"),
)

data_transfer = Table(
    "data_transfer",
    metadata,
    Column("connection_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    _station_id(),
    Column("epoch", BigInteger, nullable=False),
    Column("vendor_id", Text, nullable=False),
    Column("message_id", Text),
    Column("data", Text),
    Column("received_at", DateTime(True), nullable=False),
    PrimaryKeyConstraint("connection_id", "seq", name="data_transfer_pkey"),
    Index("data_transfer_by_time", "received_at"),
)

# One row holds a batch of frames of one gateway, packed (`contracts.recordings`). `stations` are
# hashes of the stations in it: small, and told apart by the packed document itself.
recording = Table(
    "recording",
    metadata,
    Column("recording_id", UUID(as_uuid=True), nullable=False),
    Column("gateway_id", Text, nullable=False),
    Column("first_at", DateTime(True), nullable=False),
    Column("last_at", DateTime(True), nullable=False),
    Column("received_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("frames", Integer, nullable=False),
    Column("stations", ARRAY(Integer), nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("last_at", "recording_id", name="recording_pkey"),
    Index("recording_stations", "stations", postgresql_using="gin"),
    postgresql_partition_by="RANGE (last_at)",
)

# Refusals of one station from one address for one reason at one gateway, counted by the hour.
refusal = Table(
    "refusal",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    _station_id(),
    Column("gateway_id", Text, nullable=False),
    Column("remote_address", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("http_status", Integer, nullable=False),
    Column("refused_at", DateTime(True), nullable=False),
    Column("times", Integer, nullable=False, server_default="1"),
    Column("first_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("period_at", DateTime(True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("id", name="refusal_pkey"),
    Index(
        "refusal_of_period",
        "station_id",
        "remote_address",
        "reason",
        "gateway_id",
        "period_at",
        unique=True,
    ),
    Index("refusal_by_station", "station_id", "refused_at"),
    Index("refusal_by_time", "refused_at"),
)

# `job_id` is the id of the command that starts the job. `command_end` is null until that has ended.
station_job = Table(
    "station_job",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    _station_id(),
    Column("kind", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("request_id", Integer),
    Column("location", Text, nullable=False),
    Column("file_name", Text),
    Column("rollout_id", Uuid),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(True), nullable=False),
    Column("not_before", DateTime(True)),
    Column("timeout", Interval, nullable=False),
    Column("deadline", DateTime(True), nullable=False),
    Column("command_end", Text),
    Column("command_reason", Text),
    Column("no_file", Boolean, nullable=False, server_default=text("false")),
    Column("sent_at", DateTime(True)),
    Column("timed_out_at", DateTime(True)),
    Column("status", Text, nullable=False),
    Column("station_status", Text),
    Column("result", Text),
    Column("finished_at", DateTime(True)),
    Index("station_job_of_station", "station_id", "kind", "job_id"),
    Index("station_job_of_rollout", "rollout_id", "job_id"),
    Index(
        "station_job_open",
        "deadline",
        postgresql_where=text("status IN ('ordered', 'started', 'running')"),
    ),
    Index("station_job_by_status", "status", "job_id"),
)

# Kept also while no job is known that it belongs to: a report may overtake its command's end.
station_job_report = Table(
    "station_job_report",
    metadata,
    Column("connection_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    _station_id(),
    Column("epoch", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("request_id", BigInteger),
    Column("status", Text, nullable=False),
    Column("received_at", DateTime(True), nullable=False),
    Column("job_id", Uuid),
    PrimaryKeyConstraint("connection_id", "seq", name="station_job_report_pkey"),
    Index("station_job_report_of_station", "station_id", "received_at"),
    Index("station_job_report_of_job", "job_id", "epoch", "seq"),
    Index("station_job_report_by_time", "received_at"),
)

firmware_rollout = Table(
    "firmware_rollout",
    metadata,
    Column("rollout_id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("timeout_s", Integer, nullable=False),
    Column("send_within_s", Integer, nullable=False),
    Column("concurrency", Integer, nullable=False),
    Column("stop_after_failures", Integer),
    Column("failures_forgiven", Integer, nullable=False, server_default="0"),
    Column("status", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(True), nullable=False),
    Column("finished_at", DateTime(True)),
    Index("firmware_rollout_running", "rollout_id", postgresql_where=text("status = 'running'")),
)

firmware_rollout_station = Table(
    "firmware_rollout_station",
    metadata,
    Column("rollout_id", Uuid, nullable=False),
    _station_id(),
    Column("job_id", Uuid),
    PrimaryKeyConstraint("rollout_id", "station_id", name="firmware_rollout_station_pkey"),
    Index(
        "firmware_rollout_station_waiting",
        "rollout_id",
        "station_id",
        postgresql_where=text("job_id IS NULL"),
    ),
)

# `event_id` is derived from the event's cause: a redelivered one is the same one.
security_event = Table(
    "security_event",
    metadata,
    Column("event_id", Uuid, nullable=False),
    _station_id(),
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("critical", Boolean, nullable=False),
    Column("detail", Text),
    Column("station_time", Text),
    Column("occurred_at", DateTime(True)),
    Column("received_at", DateTime(True), nullable=False),
    Column("epoch", BigInteger),
    Column("seq", BigInteger),
    PrimaryKeyConstraint("event_id", name="security_event_pkey"),
    Index("security_event_by_time", "received_at", "event_id"),
    Index("security_event_by_station", "station_id", "received_at", "event_id"),
)

certificate_request = Table(
    "certificate_request",
    metadata,
    Column("request_id", Uuid, nullable=False),
    _station_id(),
    Column("csr", Text, nullable=False),
    Column("public_key_digest", Text),
    Column("common_name", Text),
    Column("organization", Text),
    Column("status", Text, nullable=False),
    Column("problem", Text),
    Column("detail", Text),
    Column("received_at", DateTime(True), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", DateTime(True)),
    Column("fingerprint", Text),
    Column("order_id", Uuid),
    Column("deliveries", Integer, nullable=False, server_default="0"),
    Column("ended_at", DateTime(True)),
    PrimaryKeyConstraint("request_id", name="certificate_request_pkey"),
    # At most one open request of a station, whatever happens at once.
    Index(
        "certificate_request_open",
        "station_id",
        unique=True,
        postgresql_where=text("status IN ('accepted', 'signed')"),
    ),
    Index(
        "certificate_request_due",
        "next_attempt_at",
        postgresql_where=text("status = 'accepted'"),
    ),
    Index("certificate_request_by_fingerprint", "fingerprint"),
    Index("certificate_request_by_station", "station_id", "received_at", "request_id"),
    Index("certificate_request_by_time", "received_at"),
)

# Certificates that stations were given. `authority` is the fingerprint of the built-in issuer.
certificate = Table(
    "certificate",
    metadata,
    Column("fingerprint", Text, nullable=False),
    _station_id(),
    Column("source", Text, nullable=False),
    Column("authority", Text),
    Column("serial_number", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("not_before", DateTime(True), nullable=False),
    Column("not_after", DateTime(True), nullable=False),
    Column("pem", Text, nullable=False),
    Column("chain", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("issued_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("installed_at", DateTime(True)),
    Column("revoked_at", DateTime(True)),
    Column("revocation_reason", Text),
    Column("expiring_told_at", DateTime(True)),
    PrimaryKeyConstraint("fingerprint", name="certificate_pkey"),
    Index("certificate_by_serial", "serial_number"),
    Index("certificate_by_station", "station_id", "not_before"),
    Index("certificate_by_time", "issued_at", "fingerprint"),
    Index(
        "certificate_expiring",
        "not_after",
        postgresql_where=text("expiring_told_at IS NULL AND revoked_at IS NULL"),
    ),
)

# Every built-in authority that ever signed here; its key is in no table.
certificate_authority = Table(
    "certificate_authority",
    metadata,
    Column("fingerprint", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("not_before", DateTime(True), nullable=False),
    Column("not_after", DateTime(True), nullable=False),
    Column("pem", Text, nullable=False),
    Column("first_used_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("expiring_told_at", DateTime(True)),
    PrimaryKeyConstraint("fingerprint", name="certificate_authority_pkey"),
)

# Root certificates in a station's store; rows that are not `present` keep what is known.
installed_certificate = Table(
    "installed_certificate",
    metadata,
    _station_id(),
    Column("certificate_type", Text, nullable=False),
    Column("hash_algorithm", Text, nullable=False),
    Column("issuer_name_hash", Text, nullable=False),
    Column("issuer_key_hash", Text, nullable=False),
    Column("serial_number", Text, nullable=False),
    Column("present", Boolean, nullable=False),
    Column("pem", Text),
    Column("changed_at", DateTime(True), nullable=False),
    Column("command_id", Text, nullable=False),
    Column("not_after", DateTime(True)),
    Column("expiring_told_at", DateTime(True)),
    PrimaryKeyConstraint(
        "station_id",
        "certificate_type",
        "hash_algorithm",
        "issuer_name_hash",
        "issuer_key_hash",
        "serial_number",
        name="installed_certificate_pkey",
    ),
    Index(
        "installed_certificate_expiring",
        "not_after",
        postgresql_where=text("expiring_told_at IS NULL AND present"),
    ),
)

certificate_listing = Table(
    "certificate_listing",
    metadata,
    _station_id(),
    Column("certificate_type", Text, nullable=False),
    Column("listed_at", DateTime(True), nullable=False),
    Column("command_id", Text, nullable=False),
    PrimaryKeyConstraint("station_id", "certificate_type", name="certificate_listing_pkey"),
)

# `key` is `name` without case. Read, changed and ordered are each later-wins by their own time.
configuration_value = Table(
    "configuration_value",
    metadata,
    _station_id(),
    Column("key", Text(collation="C"), nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text),
    Column("readonly", Boolean),
    Column("known", Boolean, nullable=False),
    Column("known_at", DateTime(True)),
    Column("changed_to", Text),
    Column("change_status", Text),
    Column("changed_at", DateTime(True)),
    Column("ordered_to", Text),
    Column("ordered_until", DateTime(True)),
    Column("order_id", Uuid),
    PrimaryKeyConstraint("station_id", "key", name="configuration_value_pkey"),
    Index("configuration_value_ordered", "order_id", postgresql_where=text("order_id IS NOT NULL")),
)

configuration_template = Table(
    "configuration_template",
    metadata,
    Column("template_id", Uuid, nullable=False),
    Column("name", Text(collation="C"), nullable=False),
    Column("wanted", JSON, nullable=False),
    Column("station_ids", ARRAY(Text), nullable=False),
    Column("vendor", Text),
    Column("model", Text),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("template_id", name="configuration_template_pkey"),
    Index("configuration_template_name", "name", unique=True),
)

outbox = outbox_table(metadata)
parked = parked_table(metadata)
