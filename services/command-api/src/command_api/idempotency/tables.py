"""What idempotency keys stand for."""

from sqlalchemy import Column, DateTime, Index, LargeBinary, Table, Text, Uuid, func

from command_api.database.metadata import metadata, tenant_id_column

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    # By `key_in_tenant`: a platform administrator has keys in each tenant.
    Column("principal", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    # Of the command that it made, or that what it made begins with; of a rollout, its own.
    Column("command_id", Uuid, nullable=False),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    tenant_id_column(),
    Index("idempotency_keys_by_time", "created_at"),
)
