"""The table of connectors."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from station_registry.database.metadata import metadata, station_id_column

# `evse_id`: null where a program of before wrote the row, and reads as the connector's number.
connector = Table(
    "connector",
    metadata,
    station_id_column(),
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
    Column("evse_id", BigInteger),
    PrimaryKeyConstraint("station_id", "connector_id", name="connector_pkey"),
)
