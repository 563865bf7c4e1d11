"""Meter values, by weeks."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Float,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from session_service.database.metadata import metadata

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
