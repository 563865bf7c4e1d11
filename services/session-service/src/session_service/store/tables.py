"""The schema `session`; a component test compares it with what the migrations make."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from csms_shared.db.tables import outbox_table, parked_table

SCHEMA = "session"
metadata = MetaData()

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

# One row per connector that ever started a transaction: what starts are ordered and locked by.
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
    Column("key", LargeBinary, nullable=False, unique=True),
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
    Column("received_at", DateTime(True), nullable=False),
    Column("stop_epoch", BigInteger),
    Column("stop_seq", BigInteger),
    Column("stopped_at", DateTime(True)),
    Column("meter_stop", BigInteger),
    Column("stop_reason", Text),
    Column("stop_id_token", Text),
    Column("closed_by", Text),
    Column("flags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Index("transaction_by_start", "started_at", "id"),
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
        "transaction_unfinished",
        "status",
        "started_at",
        "id",
        postgresql_where=text("status <> 'completed'"),
    ),
)

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
    Column("received_at", DateTime(True), nullable=False),
    Column("reason", Text, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'open'")),
    Column("transaction_id", Integer),
    Column("payload", JSON, nullable=False),
    Index("quarantine_by_time", "received_at", "id"),
    Index("quarantine_open", "station_id", postgresql_where=text("status = 'open'")),
)

outbox = outbox_table(metadata)
parked = parked_table(metadata)

__all__ = [
    "SCHEMA",
    "connector",
    "id_token",
    "metadata",
    "meter_value",
    "outbox",
    "parked",
    "quarantine",
    "stop",
    "transaction",
    "transaction_ids",
]
