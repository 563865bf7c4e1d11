"""Users and API keys."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.schema import SchemaItem

from command_api.database.metadata import metadata, tenant_id_column


def scope_columns(table: str) -> tuple[SchemaItem, ...]:
    """Return to what a user or key is limited: null, both: to nothing."""
    return (
        Column("scope_site_ids", ARRAY(Text)),
        Column("scope_tags", ARRAY(Text)),
        CheckConstraint(
            "(scope_site_ids IS NULL) = (scope_tags IS NULL)", name=f"{table}_scope_whole"
        ),
    )


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
    tenant_id_column(),
    # Counts for administrators alone: releases before leave it as it was when they change a role.
    Column("is_platform", Boolean, nullable=False, server_default=text("false")),
    *scope_columns("users"),
    Index("users_of_tenant", "tenant_id", "username"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    # By `key_in_tenant`, for names are unique in a tenant.
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    tenant_id_column(),
    Column("is_platform", Boolean, nullable=False, server_default=text("false")),
    *scope_columns("api_keys"),
)

# A token that was given out and may still count.
user_session = Table(
    "user_session",
    metadata,
    # In the token.
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Text, nullable=False, server_default=text("'default'")),
    Column("username", ForeignKey(users.c.username, ondelete="CASCADE"), nullable=False),
    # That of the user: a session of another has ended.
    Column("user_version", Integer, nullable=False),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(True), nullable=False),
    # At most `SEEN_EVERY_S` old, and the address of then.
    Column("seen_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Index("user_session_of_user", "username", "created_at"),
    Index("user_session_by_end", "expires_at"),
)
