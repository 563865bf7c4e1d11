"""Tariffs in all their versions, and what they are assigned to."""

from sqlalchemy import Column, DateTime, ForeignKey, Index, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from billing_service.database.metadata import metadata, tenant_id_column

# By its newest version. One that was deleted keeps its versions, for what was billed by them.
tariff = Table(
    "tariff",
    metadata,
    Column("tariff_id", Uuid, primary_key=True),
    tenant_id_column(),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", DateTime(True), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("changed_at", DateTime(True), nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("deleted_at", DateTime(True)),
    Index(
        "tariff_of_tenant",
        "tenant_id",
        "created_at",
        "tariff_id",
        postgresql_where="deleted_at IS NULL",
    ),
)

# `starts_at` and `ends_at` are `start_date_time` and `end_date_time` of the document.
tariff_version = Table(
    "tariff_version",
    metadata,
    Column("tariff_id", Uuid, ForeignKey("tariff.tariff_id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    tenant_id_column(),
    Column("name", Text, nullable=False),
    Column("tariff", JSONB, nullable=False),
    Column("starts_at", DateTime(True)),
    Column("ends_at", DateTime(True)),
    Column("changed_at", DateTime(True), nullable=False),
    Column("changed_by", Text, nullable=False),
)

# `value` is what sessions are compared by (`tariffs/store/choosing.py`), '' for the whole tenant;
# `shown_value` is what was entered, null for the whole tenant. One that was deleted has `ended_at`,
# and is kept for what began before.
tariff_assignment = Table(
    "tariff_assignment",
    metadata,
    Column("assignment_id", Uuid, primary_key=True),
    tenant_id_column(),
    Column("tariff_id", Uuid, ForeignKey("tariff.tariff_id"), nullable=False),
    Column("target", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("shown_value", Text),
    Column("valid_from", DateTime(True)),
    Column("valid_to", DateTime(True)),
    Column("created_at", DateTime(True), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("ended_at", DateTime(True)),
    Index("tariff_assignment_of_tenant", "tenant_id", "created_at", "assignment_id"),
    Index("tariff_assignment_by_target", "tenant_id", "target", "value"),
    Index("tariff_assignment_of_tariff", "tariff_id"),
)
