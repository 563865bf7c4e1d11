"""The table of data transfers."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from station_registry.database.metadata import metadata, station_id_column, tenant_id_column

data_transfer = Table(
    "data_transfer",
    metadata,
    Column("connection_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    station_id_column(),
    tenant_id_column(),
    Column("epoch", BigInteger, nullable=False),
    Column("vendor_id", Text, nullable=False),
    Column("message_id", Text),
    Column("data", Text),
    Column("received_at", DateTime(True), nullable=False),
    PrimaryKeyConstraint("connection_id", "seq", name="data_transfer_pkey"),
    Index("data_transfer_by_time", "received_at"),
)
