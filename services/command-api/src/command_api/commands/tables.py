"""Commands, and the transactions that remote starts may have caused."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from command_api.database.metadata import metadata, tenant_id_column

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
    # What an ordered command says in no version's words.
    Column("intent", JSON),
    # A service has to be asked before it is sent.
    Column("unchecked", Boolean, nullable=False, server_default=text("false")),
    tenant_id_column(),
    # One command for many stations: what it is a part of.
    Column("command_group_id", Uuid),
    # Ids are ordered by time: they sort, and serve as cursors.
    Index("commands_of_station", "station_id", "command_id"),
    Index("commands_of_action", "action", "command_id"),
    # Whatever else is asked for: a tenant's list reads no rows of others.
    Index("commands_of_tenant", "tenant_id", "command_id"),
    Index(
        "commands_not_completed",
        "status",
        "command_id",
        postgresql_where=text("status <> 'completed'"),
    ),
    Index(
        "commands_failed",
        "tenant_id",
        "completed_at",
        "command_id",
        postgresql_where=text(
            "status IN ('error', 'expired', 'station_offline', 'outcome_unknown')"
        ),
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
    Index(
        "commands_of_group",
        "command_group_id",
        "station_id",
        unique=True,
        postgresql_where=text("command_group_id IS NOT NULL"),
    ),
    Index(
        "commands_open_in_group",
        "command_group_id",
        "status",
        postgresql_where=text(
            "command_group_id IS NOT NULL AND status IN ('waiting', 'pending', 'sent')"
        ),
    ),
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
    tenant_id_column(),
    Index(
        "transaction_starts_unclaimed",
        "station_id",
        postgresql_where=text("command_id IS NULL"),
    ),
    Index("transaction_starts_by_time", "seen_at"),
)
