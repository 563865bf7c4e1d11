"""The tables of the schema `command`, for queries; migrations have the DDL (a test compares)."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from csms_shared.db.tables import (
    bulk_action_table,
    outbox_deferred_table,
    outbox_table,
    parked_table,
    upkeep_turn_table,
)

SCHEMA = "command"

metadata = MetaData()

commands = Table(
    "commands",
    metadata,
    Column("command_id", Uuid, primary_key=True),
    Column("station_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("ocpp_version", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(True), nullable=False),
    Column("deadline", DateTime(True), nullable=False),
    Column("held", Boolean, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    # Of a held command: by when its last attempt must be written to the socket.
    Column("attempt_deadline", DateTime(True)),
    Column("lookup_again", Boolean, nullable=False, server_default=text("false")),
    Column("refusal", Text),
    Column("accepted", Boolean),
    Column("response", JSON),
    Column("error", JSON),
    Column("sent_at", DateTime(True)),
    Column("completed_at", DateTime(True)),
    Column("transaction_id", BigInteger),
    # What a remote start waits for, null in every other command.
    Column("wanted_token", Text),
    Column("wanted_connector", BigInteger),
    # Proofs of the password that a ChangeConfiguration sets, until the registry has taken them.
    Column("rotation_proofs", JSON),
    Column("rotation_applied", Text),
    # Ids are ordered by time: they sort, and serve as cursors.
    Index("commands_of_station", "station_id", "command_id"),
    Index("commands_of_action", "action", "command_id"),
    Index(
        "commands_not_completed",
        "status",
        "command_id",
        postgresql_where=text("status <> 'completed'"),
    ),
    Index("commands_waiting", "station_id", postgresql_where=text("status = 'waiting'")),
    Index(
        "commands_dispatched",
        "station_id",
        postgresql_where=text("held AND status IN ('pending', 'sent')"),
    ),
    Index(
        "commands_remote_starts",
        "station_id",
        "created_at",
        postgresql_where=text("wanted_token IS NOT NULL AND transaction_id IS NULL"),
    ),
    Index(
        "commands_rotations",
        "command_id",
        postgresql_where=text("rotation_proofs IS NOT NULL"),
    ),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("principal", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    # Of the command that it made, or that what it made begins with; of a rollout, its own.
    Column("command_id", Uuid, nullable=False),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    Index("idempotency_keys_by_time", "created_at"),
)

transaction_starts = Table(
    "transaction_starts",
    metadata,
    Column("transaction_id", BigInteger, primary_key=True, autoincrement=False),
    Column("station_id", Text, nullable=False),
    Column("id_token", Text, nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("seen_at", DateTime(True), nullable=False),
    Column("command_id", Uuid),
    Index(
        "transaction_starts_unclaimed",
        "station_id",
        postgresql_where=text("command_id IS NULL"),
    ),
    Index("transaction_starts_by_time", "seen_at"),
)

users = Table(
    "users",
    metadata,
    Column("username", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    # Raised by every change: tokens made before it end.
    Column("version", Integer, nullable=False, server_default=text("1")),
    # Tokens name it: whoever is deleted and made anew is somebody else.
    Column("token_id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(True), nullable=False, server_default=func.now()),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(True), nullable=False, server_default=func.now()),
    Column("principal", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("status", SmallInteger),
    # Of a bulk action: its body, and its counts.
    Column("asked", JSON),
    Column("outcome", JSON),
    Index("audit_by_time", "at"),
)

upload_tokens = Table(
    "upload_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("expires_at", DateTime(True), nullable=False),
    Column("used_at", DateTime(True)),
    Index("upload_tokens_by_time", "expires_at"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("upload_id", Uuid, primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("remote_address", Text, nullable=False),
    Column("received_at", DateTime(True), nullable=False, server_default=func.now()),
    Index("uploads_of_job", "job_id"),
    Index("uploads_by_time", "received_at"),
)

upload_attempts = Table(
    "upload_attempts",
    metadata,
    Column("upload_id", Uuid, primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("begun_at", DateTime(True), nullable=False, server_default=func.now()),
    Index("upload_attempts_by_time", "begun_at"),
)

outbox = outbox_table(metadata)
outbox_deferred = outbox_deferred_table(metadata)
parked = parked_table(metadata)
upkeep_turn = upkeep_turn_table(metadata)
bulk_action = bulk_action_table(metadata)
