"""Sessions on their way to a bill, and bills, which never change.

A reservation that nobody used is on the same way: its `transaction_id` is the reservation's number,
negative (`bills/domain/subject.py`).
"""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from billing_service.database.metadata import metadata, tenant_id_column

# `revision` is that of the newest end that was told, 0 while it is open; `settled_revision` the one
# that was settled. Due: `due_at` for its bill, `running_due_at` for what it has cost so far. Of a
# claimed one the time lies ahead, and comes if whoever claimed it is gone; `told` counts what made
# it due, so that what comes meanwhile is not taken for done. `sequence` counts its bills and
# credits; `bill_id` is the bill that holds. `running` is its cost while it goes on.
session = Table(
    "session",
    metadata,
    tenant_id_column(primary_key=True),
    Column("transaction_id", BigInteger, primary_key=True, autoincrement=False),
    Column("station_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("settled_revision", Integer),
    Column("due_at", DateTime(True)),
    Column("told", Integer, nullable=False, server_default=text("0")),
    Column("running_due_at", DateTime(True)),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("problem", Text),
    Column("sequence", Integer, nullable=False, server_default=text("0")),
    Column("bill_id", Uuid),
    Column("site_id", Text),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("running", JSONB),
    Column("currency", Text),
    Column("total_excl_vat", Numeric),
    Column("total_incl_vat", Numeric),
    Column("measured_at", DateTime(True)),
    Column("calculated_at", DateTime(True)),
    Index("session_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index(
        "session_due_of_tenant",
        "tenant_id",
        "due_at",
        "transaction_id",
        postgresql_where=text("due_at IS NOT NULL"),
    ),
    Index(
        "session_running_due", "running_due_at", postgresql_where=text("running_due_at IS NOT NULL")
    ),
    Index(
        "session_with_problem",
        "tenant_id",
        "transaction_id",
        postgresql_where=text("problem IS NOT NULL"),
    ),
)

# `facts` are what was asked for, with numbers as decimal texts; `cost` is as it is shown. All stay
# but `status`, `released_at` and `released_by`.
bill = Table(
    "bill",
    metadata,
    Column("bill_id", Uuid, primary_key=True),
    tenant_id_column(),
    Column("transaction_id", BigInteger, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("corrects", Uuid, ForeignKey("bill.bill_id")),
    Column("station_id", Text, nullable=False),
    Column("id_token", Text),
    Column("site_id", Text),
    Column("tags", ARRAY(Text), nullable=False),
    Column("tariff_id", Uuid, nullable=False),
    Column("tariff_version", Integer, nullable=False),
    Column("assignment_id", Uuid),
    Column("time_zone", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("cost", JSONB, nullable=False),
    Column("currency", Text, nullable=False),
    Column("total_excl_vat", Numeric, nullable=False),
    Column("total_incl_vat", Numeric, nullable=False),
    Column("energy_kwh", Numeric, nullable=False),
    Column("review", ARRAY(Text), nullable=False),
    Column("created_at", DateTime(True), nullable=False),
    Column("released_at", DateTime(True)),
    Column("released_by", Text),
    ForeignKeyConstraint(
        ["tariff_id", "tariff_version"], ["tariff_version.tariff_id", "tariff_version.version"]
    ),
    UniqueConstraint("tenant_id", "transaction_id", "sequence"),
    Index("bill_of_tenant", "tenant_id", "created_at", "bill_id"),
    Index("bill_of_station", "tenant_id", "station_id", "created_at", "bill_id"),
    Index(
        "bill_to_release",
        "tenant_id",
        "created_at",
        "bill_id",
        postgresql_where=text("status = 'review'"),
    ),
)
