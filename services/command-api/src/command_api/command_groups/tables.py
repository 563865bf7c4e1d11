"""Groups of commands: what is sent, to which stations, and how far that is."""

from sqlalchemy import JSON, Column, DateTime, Index, Integer, Table, Text, Uuid, text

from command_api.database.metadata import metadata, tenant_id_column

command_group = Table(
    "command_group",
    metadata,
    Column("command_group_id", Uuid, primary_key=True),
    tenant_id_column(),
    Column("action", Text, nullable=False),
    Column("ocpp_version", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("site_id", Text),
    Column("tag", Text),
    Column("station_ids", JSON(none_as_null=True)),
    Column("hold_until", DateTime(True)),
    Column("timeout_ms", Integer, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(True), nullable=False),
    # Behind which the next stations are: the registry's cursor, or a place in `station_ids`.
    Column("position", Text),
    # Since when there is a command for each station.
    Column("expanded_at", DateTime(True)),
    Column("cancelled_at", DateTime(True)),
    Column("completed_at", DateTime(True)),
    # How many commands ended in which status; null until they have.
    Column("counts", JSON(none_as_null=True)),
    Index("command_group_of_tenant", "tenant_id", "command_group_id"),
    Index("command_group_open", "command_group_id", postgresql_where=text("completed_at IS NULL")),
)
