"""Configuration of stations, and templates of what it should be."""

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Column,
    DateTime,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from station_registry.database.metadata import metadata, station_id_column, tenant_id_column

# `key` is `name` without case. Read, changed and ordered are each later-wins by their own time.
configuration_value = Table(
    "configuration_value",
    metadata,
    station_id_column(),
    Column("key", Text(collation="C"), nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text),
    Column("readonly", Boolean),
    Column("known", Boolean, nullable=False),
    Column("known_at", DateTime(True)),
    Column("changed_to", Text),
    Column("change_status", Text),
    Column("changed_at", DateTime(True)),
    Column("ordered_to", Text),
    Column("ordered_until", DateTime(True)),
    Column("order_id", Uuid),
    PrimaryKeyConstraint("station_id", "key", name="configuration_value_pkey"),
    Index("configuration_value_ordered", "order_id", postgresql_where=text("order_id IS NOT NULL")),
)

configuration_template = Table(
    "configuration_template",
    metadata,
    Column("template_id", Uuid, nullable=False),
    tenant_id_column(),
    Column("name", Text(collation="C"), nullable=False),
    Column("wanted", JSON, nullable=False),
    Column("station_ids", ARRAY(Text), nullable=False),
    Column("vendor", Text),
    Column("model", Text),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("site_ids", ARRAY(Text), nullable=False, server_default="{}"),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    PrimaryKeyConstraint("template_id", name="configuration_template_pkey"),
    Index("configuration_template_of_tenant", "tenant_id", "name"),
    Index("configuration_template_name", "name", unique=True),
)
