"""Reports that fit no transaction."""

from sqlalchemy import (
    JSON,
    BigInteger,
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

from session_service.database.metadata import metadata

# `next_at`: when it is tried next without a start of its station, later with each attempt.
# `ocpp_version`: whose words the payload is in.
quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("station_id", Text, nullable=False),
    Column("connector_id", BigInteger),
    Column("wire_transaction_id", BigInteger),
    Column("id_token", Text),
    Column("connection_id", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("boot_count", BigInteger),
    Column("received_at", DateTime(True), nullable=False),
    Column("reason", Text, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'open'")),
    Column("transaction_id", Integer),
    Column("payload", JSON, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("tried_at", DateTime(True)),
    Column("next_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("ocpp_version", Text, nullable=False, server_default=text("'ocpp16'")),
    Index("quarantine_by_time", "received_at", "id"),
    Index(
        "quarantine_by_station",
        "station_id",
        "kind",
        "epoch",
        "seq",
        postgresql_where=text("status = 'open'"),
    ),
    Index(
        "quarantine_as_sent",
        "station_id",
        text("(kind <> 'stop')"),
        "epoch",
        "seq",
        "id",
        postgresql_where=text("status = 'open'"),
    ),
    Index(
        "quarantine_turns",
        "station_id",
        "kind",
        "next_at",
        postgresql_where=text("status = 'open'"),
    ),
    Index("quarantine_due", "next_at", postgresql_where=text("status = 'open'")),
    Index("quarantine_closed", "received_at", postgresql_where=text("status <> 'open'")),
)
