"""The schema `session`; a component test compares it with what the migrations make."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import UserDefinedType

from csms_shared.db.tables import (
    bulk_action_table,
    outbox_deferred_table,
    outbox_table,
    parked_table,
    upkeep_turn_table,
)

SCHEMA = "session"
metadata = MetaData()


class Xid8(UserDefinedType[int]):
    """The id of a database transaction, which never comes again."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the name of the type."""
        return "xid8"


class PgSnapshot(UserDefinedType[str]):
    """Which transactions of the database had ended at one moment."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the name of the type."""
        return "pg_snapshot"


id_token = Table(
    "id_token",
    metadata,
    Column("key", Text, primary_key=True),
    Column("id_token", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("expires_at", DateTime(True)),
    Column("group_id", Text),
    Column("max_concurrent", Integer),
    Column("version", BigInteger, nullable=False, server_default=text("1")),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(True), nullable=False, server_default=func.now()),
)

# One row per connector that was reported or started a transaction: what starts are ordered and
# locked by.
connector = Table(
    "connector",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("connector_id", BigInteger, primary_key=True),
    Column("latest_epoch", BigInteger, nullable=False, server_default=text("-1")),
    Column("latest_seq", BigInteger, nullable=False, server_default=text("-1")),
)

transaction_ids = Sequence(
    "transaction_id", start=1, minvalue=1, maxvalue=2_147_483_647, data_type=Integer
)

# `occurrence`: how many sessions had the same natural key before. `decided_at`: when the start
# was, by the database's clock; null where nobody waited for it. `stop_*` but for the reason and
# token: the best stop of the station, which counts unless the transaction was closed by hand;
# `stop_matched`: it did not name the transaction. `revision`: how often its end was told.
# `changed_xid`: which transaction of the database wrote the row last (store/changes.py).
transaction = Table(
    "transaction",
    metadata,
    Column(
        "id",
        Integer,
        transaction_ids,
        primary_key=True,
        server_default=transaction_ids.next_value(),
    ),
    Column("key", LargeBinary, nullable=False),
    Column("occurrence", Integer, nullable=False, server_default=text("0")),
    Column("station_id", Text, nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("id_token", Text, nullable=False),
    Column("token_key", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("authorization_status", Text, nullable=False),
    Column("token_expires_at", DateTime(True)),
    Column("token_group", Text),
    Column("started_at", DateTime(True), nullable=False),
    Column("started_raw", Text, nullable=False),
    Column("meter_start", BigInteger, nullable=False),
    Column("reservation_id", BigInteger),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("boot_count", BigInteger),
    Column("received_at", DateTime(True), nullable=False),
    Column("stop_epoch", BigInteger),
    Column("stop_seq", BigInteger),
    Column("stop_boot_count", BigInteger),
    Column("stop_matched", Boolean),
    Column("stopped_at", DateTime(True)),
    Column("meter_stop", BigInteger),
    Column("stop_reason", Text),
    Column("stop_id_token", Text),
    Column("closed_by", Text),
    Column("decided_at", DateTime(True)),
    Column("flags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("changed_xid", Xid8, nullable=False, server_default=func.pg_current_xact_id()),
    Index("transaction_by_change", "changed_xid", "id"),
    Column("revision", Integer, nullable=False, server_default=text("0")),
    Index("transaction_by_key", "key", "occurrence", unique=True),
    Index("transaction_by_connector", "station_id", "connector_id", "epoch", "seq"),
    Index("transaction_by_start", "started_at", "id"),
    Index("transaction_by_stop", "stopped_at", "id"),
    Index("transaction_by_station", "station_id", "started_at", "id"),
    Index("transaction_by_token", "token_key", "started_at", "id"),
    Index(
        "transaction_open",
        "station_id",
        "connector_id",
        postgresql_where=text("status <> 'completed'"),
    ),
    Index(
        "transaction_busy",
        "token_key",
        postgresql_where=text("status = 'active'"),
    ),
    Index(
        "transaction_reserved",
        "station_id",
        "reservation_id",
        postgresql_where=text("reservation_id IS NOT NULL"),
    ),
    Index(
        "transaction_unfinished",
        "status",
        "started_at",
        "id",
        postgresql_where=text("status <> 'completed'"),
    ),
)

# One row. A restore makes it another one: cursors of changes from before it count no more.
change_history = Table("change_history", metadata, Column("id", Uuid, primary_key=True))

# Every stop that belongs to a transaction: the one that counts, and the others as evidence.
stop = Table(
    "stop",
    metadata,
    Column("connection_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("transaction_id", Integer, ForeignKey("transaction.id"), nullable=False),
    Column("received_at", DateTime(True), nullable=False),
    Column("payload", JSON, nullable=False),
    Index("stop_by_transaction", "transaction_id"),
    Index("stop_by_receipt", "received_at"),
)

# Partitioned by week of `sampled_at`, with a default partition for impossible times.
meter_value = Table(
    "meter_value",
    metadata,
    Column("sampled_at", DateTime(True), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("received_at", DateTime(True), nullable=False),
    Column("transaction_id", Integer),
    Column("connector_id", BigInteger),
    Column("value", Float(53)),
    Column("station_id", Text, nullable=False),
    Column("measurand", Text),
    Column("phase", Text),
    Column("context", Text),
    Column("location", Text),
    Column("format", Text),
    Column("unit", Text),
    Column("raw", Text, nullable=False),
    Index(
        "meter_value_by_transaction",
        "transaction_id",
        "sampled_at",
        postgresql_where=text("transaction_id IS NOT NULL"),
    ),
    postgresql_partition_by="RANGE (sampled_at)",
)

# On which days values of each week came; both begin at midnight UTC, weeks on Mondays. Several rows
# may say the same: a key would have those who store values wait for each other.
meter_value_week = Table(
    "meter_value_week",
    metadata,
    Column("week", Date, nullable=False),
    Column("received_on", Date, nullable=False),
    Index("meter_value_week_given", "week", "received_on"),
)

# `next_at`: when it is tried next without a start of its station, later with each attempt.
quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("station_id", Text, nullable=False),
    Column("connector_id", BigInteger),
    Column("wire_transaction_id", BigInteger),
    Column("id_token", Text),
    Column("connection_id", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("boot_count", BigInteger),
    Column("received_at", DateTime(True), nullable=False),
    Column("reason", Text, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'open'")),
    Column("transaction_id", Integer),
    Column("payload", JSON, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("tried_at", DateTime(True)),
    Column("next_at", DateTime(True), nullable=False, server_default=func.now()),
    Index("quarantine_by_time", "received_at", "id"),
    Index(
        "quarantine_by_station",
        "station_id",
        "kind",
        "epoch",
        "seq",
        postgresql_where=text("status = 'open'"),
    ),
    Index(
        "quarantine_as_sent",
        "station_id",
        text("(kind <> 'stop')"),
        "epoch",
        "seq",
        "id",
        postgresql_where=text("status = 'open'"),
    ),
    Index(
        "quarantine_turns",
        "station_id",
        "kind",
        "next_at",
        postgresql_where=text("status = 'open'"),
    ),
    Index("quarantine_due", "next_at", postgresql_where=text("status = 'open'")),
    Index("quarantine_closed", "received_at", postgresql_where=text("status <> 'open'")),
)

reservation_ids = Sequence(
    "reservation_id", start=1, minvalue=1, maxvalue=2_147_483_647, data_type=Integer
)

# `wire_id`: reservationId as the station knows it; the same as `id` unless an operator chose it.
reservation = Table(
    "reservation",
    metadata,
    Column(
        "id",
        Integer,
        reservation_ids,
        primary_key=True,
        server_default=reservation_ids.next_value(),
    ),
    Column("station_id", Text, nullable=False),
    Column("wire_id", BigInteger, nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("id_token", Text, nullable=False),
    Column("token_key", Text, nullable=False),
    Column("group_id", Text),
    Column("created_at", DateTime(True), nullable=False),
    Column("expires_at", DateTime(True), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("command_id", Uuid, nullable=False, unique=True),
    Column("answer", Text, nullable=False, server_default=text("'none'")),
    Column("refusal", Text),
    Column("answered_at", DateTime(True)),
    Column("cancel_wanted_at", DateTime(True)),
    Column("cancel_wanted_by", Text),
    Column("cancel_command_id", Uuid),
    Column("cancel_failure", Text),
    Column("status", Text, nullable=False, server_default=text("'pending'")),
    Column("reason", Text),
    Column("ended_at", DateTime(True)),
    Column("transaction_id", Integer),
    Index("reservation_by_station", "station_id", "expires_at"),
    Index("reservation_by_wire_id", "station_id", "wire_id"),
    Index("reservation_by_token", "token_key", "id"),
    Index(
        "reservation_open",
        "expires_at",
        postgresql_where=text("status IN ('pending', 'active')"),
    ),
)

# Kept apart from reservations: an answer may be known before the reservation that it is about.
reservation_cancellation = Table(
    "reservation_cancellation",
    metadata,
    Column("command_id", Uuid, primary_key=True),
    Column("station_id", Text, nullable=False),
    Column("wire_id", BigInteger, nullable=False),
    Column("asked_at", DateTime(True), nullable=False),
    Column("answered_at", DateTime(True), nullable=False),
    Column("accepted", Boolean, nullable=False),
    Index("reservation_cancellation_by_wire_id", "station_id", "wire_id"),
)

# Kept apart from reservations: an outage may be known before the reservation that it ends.
reservation_outage = Table(
    "reservation_outage",
    metadata,
    Column("station_id", Text, nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("at", DateTime(True), nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("station_id", "connector_id", "at", name="reservation_outage_pkey"),
    Index("reservation_outage_by_time", "at"),
)

# What local lists hold, each content once, however many stations have it.
local_list_content = Table(
    "local_list_content",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("entries", JSON, nullable=False),
    Column("touched_at", DateTime(True), nullable=False, server_default=func.now()),
)

local_list = Table(
    "local_list",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("group_ids", ARRAY(Text)),
    Column("id_tokens", ARRAY(Text)),
    Column("stage", Text, nullable=False, server_default=text("'limits'")),
    Column("known_version", BigInteger),
    Column("known_digest", Text),
    Column("last_version", BigInteger, nullable=False, server_default=text("0")),
    Column("doubtful_version", BigInteger),
    Column("doubtful_digest", Text),
    Column("asked", Text),
    Column("command_id", Uuid),
    Column("sent_version", BigInteger),
    Column("sent_digest", Text),
    Column("sent_completes", Boolean, nullable=False, server_default=text("false")),
    Column("max_entries", BigInteger),
    Column("max_per_message", BigInteger),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("supported", Boolean, nullable=False, server_default=text("true")),
    Column("last_result", Text),
    Column("last_result_at", DateTime(True)),
    Column("checked_at", DateTime(True)),
    Column("next_at", DateTime(True)),
    Column("wanted_digest", Text),
    Column("wanted_entries", Integer),
    Column("left_out", Integer, nullable=False, server_default=text("0")),
    Column("fingerprint", Text),
    Column("updated_at", DateTime(True), nullable=False, server_default=func.now()),
    Index("local_list_due", "next_at", postgresql_where=text("enabled")),
)

charging_profile = Table(
    "charging_profile",
    metadata,
    Column("command_id", Uuid, primary_key=True),
    Column("station_id", Text, nullable=False),
    Column("connector_id", BigInteger),
    Column("profile_id", BigInteger, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("stack_level", BigInteger, nullable=False),
    Column("transaction_id", BigInteger),
    Column("token_key", Text),
    Column("sent_at", DateTime(True), nullable=False),
    Column("state", Text, nullable=False),
    Column("ended_at", DateTime(True)),
    Column("profile", JSON, nullable=False),
    Index("charging_profile_by_station", "station_id", "sent_at", "command_id"),
    Index(
        "charging_profile_live",
        "station_id",
        postgresql_where=text("state IN ('waiting', 'installed')"),
    ),
    Index("charging_profile_over", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
)

# A profile that was sent before a clearing may still arrive after it.
charging_clearing = Table(
    "charging_clearing",
    metadata,
    Column("command_id", Uuid, primary_key=True),
    Column("station_id", Text, nullable=False),
    Column("sent_at", DateTime(True), nullable=False),
    Column("payload", JSON, nullable=False),
    Index("charging_clearing_by_station", "station_id", "sent_at"),
)

reported_schedule = Table(
    "reported_schedule",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("connector_id", BigInteger, primary_key=True),
    Column("command_id", Uuid, nullable=False),
    Column("sent_at", DateTime(True), nullable=False),
    Column("answered_at", DateTime(True), nullable=False),
    Column("response", JSON, nullable=False),
    Column("computed", JSON),
)

outbox = outbox_table(metadata)
outbox_deferred = outbox_deferred_table(metadata)
parked = parked_table(metadata)
upkeep_turn = upkeep_turn_table(metadata)
bulk_action = bulk_action_table(metadata)

__all__ = [
    "SCHEMA",
    "bulk_action",
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
