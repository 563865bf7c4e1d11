"""Reservations, and what keeps stations from them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from session_service.database.metadata import metadata, tenant_id_column

reservation_ids = Sequence(
    "reservation_id", start=1, minvalue=1, maxvalue=2_147_483_647, data_type=Integer
)

# `wire_id`: reservationId as the station knows it; the same as `id` unless an operator chose it.
# `token_key`: by `token_key_in_tenant`. `site_id`, `tags`: those of the station when it was made.
reservation = Table(
    "reservation",
    metadata,
    Column(
        "id",
        Integer,
        reservation_ids,
        primary_key=True,
        server_default=reservation_ids.next_value(),
    ),
    Column("station_id", Text, nullable=False),
    Column("wire_id", BigInteger, nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("id_token", Text, nullable=False),
    Column("token_key", Text, nullable=False),
    Column("group_id", Text),
    Column("created_at", DateTime(True), nullable=False),
    Column("expires_at", DateTime(True), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("command_id", Uuid, nullable=False, unique=True),
    Column("answer", Text, nullable=False, server_default=text("'none'")),
    Column("refusal", Text),
    Column("answered_at", DateTime(True)),
    Column("cancel_wanted_at", DateTime(True)),
    Column("cancel_wanted_by", Text),
    Column("cancel_command_id", Uuid),
    Column("cancel_failure", Text),
    Column("status", Text, nullable=False, server_default=text("'pending'")),
    Column("reason", Text),
    Column("ended_at", DateTime(True)),
    Column("transaction_id", Integer),
    Column("site_id", Text),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    tenant_id_column(),
    Index("reservation_of_tenant", "tenant_id", "id"),
    Index("reservation_by_station", "station_id", "expires_at"),
    Index("reservation_by_wire_id", "station_id", "wire_id"),
    Index("reservation_by_token", "token_key", "id"),
    Index(
        "reservation_open",
        "expires_at",
        postgresql_where=text("status IN ('pending', 'active')"),
    ),
)

# Kept apart from reservations: an answer may be known before the reservation that it is about.
reservation_cancellation = Table(
    "reservation_cancellation",
    metadata,
    Column("command_id", Uuid, primary_key=True),
    Column("station_id", Text, nullable=False),
    Column("wire_id", BigInteger, nullable=False),
    Column("asked_at", DateTime(True), nullable=False),
    Column("answered_at", DateTime(True), nullable=False),
    Column("accepted", Boolean, nullable=False),
    tenant_id_column(),
    Index("reservation_cancellation_by_wire_id", "station_id", "wire_id"),
)

# Kept apart from reservations: an outage may be known before the reservation that it ends.
reservation_outage = Table(
    "reservation_outage",
    metadata,
    Column("station_id", Text, nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("at", DateTime(True), nullable=False),
    Column("reason", Text, nullable=False),
    tenant_id_column(),
    PrimaryKeyConstraint("station_id", "connector_id", "at", name="reservation_outage_pkey"),
    Index("reservation_outage_by_time", "at"),
)
