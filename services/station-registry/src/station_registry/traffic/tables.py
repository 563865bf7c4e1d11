"""Recorded frames, and refused handshakes."""

from sqlalchemy import (
    ARRAY,
    UUID,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)

from station_registry.database.metadata import metadata, station_id_column, tenant_id_column

# One row holds a batch of frames of one gateway, packed (`contracts.recordings`). `stations` are
# hashes of the stations in it: small, and told apart by the packed document itself.
recording = Table(
    "recording",
    metadata,
    Column("recording_id", UUID(as_uuid=True), nullable=False),
    Column("gateway_id", Text, nullable=False),
    Column("first_at", DateTime(True), nullable=False),
    Column("last_at", DateTime(True), nullable=False),
    Column("received_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("frames", Integer, nullable=False),
    Column("stations", ARRAY(Integer), nullable=False),
    Column("body", LargeBinary, nullable=False),
    # What is in it, so that it need not be read where that is not asked for; null: not known.
    Column("tenants", ARRAY(Text)),
    Column("level", SmallInteger),
    Column("actions", ARRAY(Text)),
    PrimaryKeyConstraint("last_at", "recording_id", name="recording_pkey"),
    Index("recording_stations", "stations", postgresql_using="gin"),
    Index(
        "recording_warnings",
        "last_at",
        "recording_id",
        postgresql_where=text("level IS NULL OR level >= 1"),
    ),
    Index(
        "recording_errors",
        "last_at",
        "recording_id",
        postgresql_where=text("level IS NULL OR level >= 2"),
    ),
    postgresql_partition_by="RANGE (last_at)",
)

# Refusals of one station from one address for one reason at one gateway, counted by the hour.
refusal = Table(
    "refusal",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    station_id_column(),
    tenant_id_column(),
    Column("gateway_id", Text, nullable=False),
    Column("remote_address", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("http_status", Integer, nullable=False),
    Column("refused_at", DateTime(True), nullable=False),
    Column("times", Integer, nullable=False, server_default="1"),
    Column("first_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("period_at", DateTime(True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("id", name="refusal_pkey"),
    Index(
        "refusal_of_period",
        "station_id",
        "remote_address",
        "reason",
        "gateway_id",
        "period_at",
        unique=True,
    ),
    Index("refusal_of_tenant", "tenant_id", "refused_at", "id"),
    Index("refusal_by_station", "station_id", "refused_at"),
    Index("refusal_by_time", "refused_at"),
)
