"""Lists of tokens that stations hold."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from session_service.database.metadata import metadata, tenant_id_column

# What local lists hold, each content once, however many stations of a tenant have it: the digest is
# made of keys of tokens, which tell tenants apart.
local_list_content = Table(
    "local_list_content",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("entries", JSON, nullable=False),
    Column("touched_at", DateTime(True), nullable=False, server_default=func.now()),
    tenant_id_column(),
)

# `station_id`: by `key_in_tenant`, for whoever has the station next keeps a list of their own.
local_list = Table(
    "local_list",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("group_ids", ARRAY(Text)),
    Column("id_tokens", ARRAY(Text)),
    Column("stage", Text, nullable=False, server_default=text("'limits'")),
    Column("known_version", BigInteger),
    Column("known_digest", Text),
    Column("last_version", BigInteger, nullable=False, server_default=text("0")),
    Column("doubtful_version", BigInteger),
    Column("doubtful_digest", Text),
    Column("asked", Text),
    Column("command_id", Uuid),
    Column("sent_version", BigInteger),
    Column("sent_digest", Text),
    Column("sent_completes", Boolean, nullable=False, server_default=text("false")),
    Column("max_entries", BigInteger),
    Column("max_per_message", BigInteger),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("supported", Boolean, nullable=False, server_default=text("true")),
    Column("last_result", Text),
    Column("last_result_at", DateTime(True)),
    Column("checked_at", DateTime(True)),
    Column("next_at", DateTime(True)),
    Column("wanted_digest", Text),
    Column("wanted_entries", Integer),
    Column("left_out", Integer, nullable=False, server_default=text("0")),
    Column("fingerprint", Text),
    Column("updated_at", DateTime(True), nullable=False, server_default=func.now()),
    tenant_id_column(),
    Index("local_list_due", "next_at", postgresql_where=text("enabled")),
)
