"""Uploads under way and done, and the tokens that allow them."""

from sqlalchemy import BigInteger, Column, DateTime, Index, LargeBinary, Table, Text, Uuid, func

from command_api.database.metadata import metadata, tenant_id_column

upload_tokens = Table(
    "upload_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("expires_at", DateTime(True), nullable=False),
    Column("used_at", DateTime(True)),
    tenant_id_column(),
    Index("upload_tokens_by_time", "expires_at"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("upload_id", Uuid, primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("remote_address", Text, nullable=False),
    Column("received_at", DateTime(True), nullable=False, server_default=func.now()),
    tenant_id_column(),
    Index("uploads_of_job", "job_id"),
    Index("uploads_by_time", "received_at"),
)

upload_attempts = Table(
    "upload_attempts",
    metadata,
    Column("upload_id", Uuid, primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("begun_at", DateTime(True), nullable=False, server_default=func.now()),
    tenant_id_column(),
    Index("upload_attempts_by_time", "begun_at"),
)
