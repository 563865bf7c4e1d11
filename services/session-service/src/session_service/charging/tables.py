"""Charging profiles that stations hold, and the schedules that they report."""

from sqlalchemy import JSON, BigInteger, Column, DateTime, Index, Table, Text, Uuid, text

from session_service.database.metadata import metadata, tenant_id_column

# `ocpp_version`, here and below: whose words the profile, payload or response is in.
# `token_key`: by `token_key_in_tenant`.
charging_profile = Table(
    "charging_profile",
    metadata,
    Column("command_id", Uuid, primary_key=True),
    Column("station_id", Text, nullable=False),
    Column("connector_id", BigInteger),
    Column("profile_id", BigInteger, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("stack_level", BigInteger, nullable=False),
    Column("transaction_id", BigInteger),
    Column("token_key", Text),
    Column("sent_at", DateTime(True), nullable=False),
    Column("state", Text, nullable=False),
    Column("ended_at", DateTime(True)),
    Column("profile", JSON, nullable=False),
    Column("ocpp_version", Text, nullable=False, server_default=text("'ocpp16'")),
    tenant_id_column(),
    Index("charging_profile_by_station", "station_id", "sent_at", "command_id"),
    Index(
        "charging_profile_live",
        "station_id",
        postgresql_where=text("state IN ('waiting', 'installed')"),
    ),
    Index("charging_profile_waiting", "station_id", postgresql_where=text("state = 'waiting'")),
    Index(
        "charging_profile_of_transaction",
        "transaction_id",
        postgresql_where=text("state = 'installed' AND transaction_id IS NOT NULL"),
    ),
    Index("charging_profile_over", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
)

# A profile that was sent before a clearing may still arrive after it.
charging_clearing = Table(
    "charging_clearing",
    metadata,
    Column("command_id", Uuid, primary_key=True),
    Column("station_id", Text, nullable=False),
    Column("sent_at", DateTime(True), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("ocpp_version", Text, nullable=False, server_default=text("'ocpp16'")),
    tenant_id_column(),
    Index("charging_clearing_by_station", "station_id", "sent_at"),
)

reported_schedule = Table(
    "reported_schedule",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("connector_id", BigInteger, primary_key=True),
    Column("command_id", Uuid, nullable=False),
    Column("sent_at", DateTime(True), nullable=False),
    Column("answered_at", DateTime(True), nullable=False),
    Column("response", JSON, nullable=False),
    Column("computed", JSON),
    Column("ocpp_version", Text, nullable=False, server_default=text("'ocpp16'")),
    tenant_id_column(),
)
