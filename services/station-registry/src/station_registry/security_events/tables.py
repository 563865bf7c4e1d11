"""The table of security events."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)

from station_registry.database.metadata import metadata, station_id_column, tenant_id_column

# `event_id` is derived from the event's cause: a redelivered one is the same one.
security_event = Table(
    "security_event",
    metadata,
    Column("event_id", Uuid, nullable=False),
    station_id_column(),
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("critical", Boolean, nullable=False),
    Column("detail", Text),
    Column("station_time", Text),
    Column("occurred_at", DateTime(True)),
    Column("received_at", DateTime(True), nullable=False),
    Column("epoch", BigInteger),
    Column("seq", BigInteger),
    tenant_id_column(),
    PrimaryKeyConstraint("event_id", name="security_event_pkey"),
    Index("security_event_by_time", "received_at", "event_id"),
    Index("security_event_of_tenant", "tenant_id", "received_at", "event_id"),
    Index(
        "security_event_critical",
        "tenant_id",
        "received_at",
        "event_id",
        postgresql_where=text("critical"),
    ),
    Index("security_event_by_station", "station_id", "received_at", "event_id"),
)
