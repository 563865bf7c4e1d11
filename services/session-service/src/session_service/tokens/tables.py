"""Tokens of drivers, and what they may do."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, Table, Text, func, text

from session_service.database.metadata import metadata, tenant_id_column

# `key`: by `token_key_in_tenant`, for tokens are unique in a tenant.
# `type`: as OCPP 2.x spells it; null where nobody has said, as in OCPP 1.6. Not part of the key.
id_token = Table(
    "id_token",
    metadata,
    Column("key", Text, primary_key=True),
    Column("id_token", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("expires_at", DateTime(True)),
    Column("group_id", Text),
    Column("max_concurrent", Integer),
    Column("version", BigInteger, nullable=False, server_default=text("1")),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("type", Text),
    tenant_id_column(),
    Index("id_token_of_tenant", "tenant_id", "key"),
)
