"""Charge detail records, each at a number of its tenant without a gap."""

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from billing_service.database.metadata import metadata, tenant_id_column

# Locked by whoever numbers records, until the commit: so there is no gap, and what a reader sees is
# all up to the last that it sees.
cdr_head = Table(
    "cdr_head",
    metadata,
    tenant_id_column(primary_key=True),
    Column("position", BigInteger, nullable=False),
)

cdr = Table(
    "cdr",
    metadata,
    tenant_id_column(primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("cdr_id", Uuid, nullable=False, unique=True),
    Column("bill_id", Uuid, ForeignKey("bill.bill_id"), nullable=False, unique=True),
    Column("document", JSONB, nullable=False),
    Column("missing", ARRAY(Text), nullable=False),
    Column("created_at", DateTime(True), nullable=False),
)
