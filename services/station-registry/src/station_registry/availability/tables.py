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

# A deleted station keeps its row: its epoch must go on growing if it ever comes back.
# `recent_connections`: newest first, each with an epoch one lower than the one before.
# `connection_profile`: the security profile that the connection of `epoch` really met.
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
    PrimaryKeyConstraint("station_id", "connector_id", name="connector_pkey"),
)
