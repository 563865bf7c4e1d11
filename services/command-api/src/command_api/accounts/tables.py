"""Users, API keys and the audit."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from command_api.database.metadata import metadata

users = Table(
    "users",
    metadata,
    Column("username", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    # Raised by every change: tokens made before it end.
    Column("version", Integer, nullable=False, server_default=text("1")),
    # Tokens name it: whoever is deleted and made anew is somebody else.
    Column("token_id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(True), nullable=False, server_default=func.now()),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(True), nullable=False, server_default=func.now()),
    Column("principal", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("status", SmallInteger),
    # Of a bulk action: its body, and its counts.
    Column("asked", JSON),
    Column("outcome", JSON),
    Index("audit_by_time", "at"),
)
