"""Tables of connections, of gateways, and of what they tell of their stations by the way."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)

from station_registry.database.metadata import metadata, station_id_column, tenant_id_column

# Apart from `station`, because it changes far more often and only ever grows.
station_liveness = Table(
    "station_liveness",
    metadata,
    station_id_column(),
    Column("epoch", BigInteger, nullable=False),
    Column("last_seen_at", DateTime(True), nullable=False),
    # Which `last_seen_at` was the last that an event told.
    Column("heartbeat_told_at", DateTime(True)),
    PrimaryKeyConstraint("station_id", name="station_liveness_pkey"),
)

station_connection = Table(
    "station_connection",
    metadata,
    station_id_column(),
    tenant_id_column(),
    Column("gateway_id", Text, nullable=False),
    Column("connection_id", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("ocpp_version", Text, nullable=False),
    Column("remote_address", Text, nullable=False),
    Column("connected_at", DateTime(True), nullable=False),
    PrimaryKeyConstraint("station_id", name="station_connection_pkey"),
    Index("station_connection_by_gateway", "gateway_id"),
    Index("station_connection_by_time", "connected_at", "station_id"),
)

# `ended_at`: connections were taken from this gateway because its lease had run out.
# `doubted_at`: when it was last found away, or granted a lease unasked; a renewal ends the doubt.
gateway = Table(
    "gateway",
    metadata,
    Column("gateway_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("connections", Integer, nullable=False, server_default="0"),
    Column("version", Text, nullable=False, server_default=""),
    Column("started_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("draining", Boolean, nullable=False, server_default=text("false")),
    Column("lease_expires_at", DateTime(True), nullable=False),
    Column("ended_at", DateTime(True)),
    Column("doubted_at", DateTime(True)),
    PrimaryKeyConstraint("gateway_id", name="gateway_pkey"),
)

# One row: when leases were last looked at. A gap means that nobody could renew either.
lease_watch = Table(
    "lease_watch",
    metadata,
    Column("only_row", Boolean, nullable=False, server_default=text("true")),
    Column("looked_at", DateTime(True), nullable=False),
    PrimaryKeyConstraint("only_row", name="lease_watch_pkey"),
)

# How often each deviation of a station was forgiven; a message handled twice counts twice.
tolerance = Table(
    "tolerance",
    metadata,
    station_id_column(),
    Column("name", Text(collation="C"), nullable=False),
    Column("times", BigInteger, nullable=False),
    PrimaryKeyConstraint("station_id", "name", name="tolerance_pkey"),
)
