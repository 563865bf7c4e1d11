"""Replays that were asked for, and how far they are."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import ARRAY

from integration_service.database.metadata import metadata

replay = Table(
    "replay",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("types", ARRAY(Text), nullable=False),
    Column("station_id", Text),
    Column("of_stations", Boolean, nullable=False),
    Column("from_time", DateTime(True)),
    Column("to_time", DateTime(True)),
    Column("position", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False, server_default="0"),
    Column("problem", Text),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("next_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("ended_at", DateTime(True)),
    Index("replay_due", "next_at", postgresql_where="status = 'running'"),
    Index("replay_of_tenant", "tenant_id", "created_at", "id"),
    Index("replay_ended", "ended_at", postgresql_where="ended_at IS NOT NULL"),
)
