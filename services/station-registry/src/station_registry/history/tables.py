"""The table of changes, by weeks."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)

from station_registry.database.metadata import metadata, station_id_column

# Partitioned by week of `received_at`, with a default partition for impossible times. `id`: of
# changes at one moment, the later has the higher.
station_history = Table(
    "station_history",
    metadata,
    Column("tenant_id", Text, nullable=False, server_default="default"),
    station_id_column(),
    Column("received_at", DateTime(True), nullable=False),
    Column("id", BigInteger, nullable=False, server_default=text("nextval('station_history_id')")),
    Column("stored_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("connection_id", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("reason", Text),
    Column("gateway_id", Text),
    Column("evse_id", BigInteger),
    Column("connector_id", BigInteger),
    Column("error_code", Text),
    Column("info", Text),
    Column("vendor_id", Text),
    Column("vendor_error_code", Text),
    Column("station_time", Text),
    Column("occurred_at", DateTime(True)),
    Column("clock_flag", Text),
    PrimaryKeyConstraint("station_id", "received_at", "id", name="station_history_pkey"),
    postgresql_partition_by="RANGE (received_at)",
)
