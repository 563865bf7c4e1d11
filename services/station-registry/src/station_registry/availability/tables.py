"""The tables of connectors."""

from sqlalchemy import (
    UUID,
    BigInteger,
    Boolean,
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

# What the newest command that a station took has made of each connector; 0 is the station with
# all its connectors. Apart from `connector`: one may be set that was never reported.
connector_availability = Table(
    "connector_availability",
    metadata,
    Column("tenant_id", Text, nullable=False, server_default="default"),
    station_id_column(),
    Column("connector_id", BigInteger, nullable=False),
    Column("availability", Text, nullable=False),
    Column("scheduled", Boolean, nullable=False),
    Column("sent_at", DateTime(True), nullable=False),
    Column("command_id", UUID(as_uuid=True), nullable=False),
    PrimaryKeyConstraint("station_id", "connector_id", name="connector_availability_pkey"),
)
