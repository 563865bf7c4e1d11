"""Transactions, their stops, and the connectors that they are on."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Sequence,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import UserDefinedType

from session_service.database.metadata import metadata, tenant_id_column


class Xid8(UserDefinedType[int]):
    """The id of a database transaction, which never comes again."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the name of the type."""
        return "xid8"


class PgSnapshot(UserDefinedType[str]):
    """Which transactions of the database had ended at one moment."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the name of the type."""
        return "pg_snapshot"


# One row per connector that was reported or started a transaction: what starts are ordered and
# locked by. `evse_id`: null where a program of before made it, and reads as the connector's number.
connector = Table(
    "connector",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("connector_id", BigInteger, primary_key=True),
    Column("latest_epoch", BigInteger, nullable=False, server_default=text("-1")),
    Column("latest_seq", BigInteger, nullable=False, server_default=text("-1")),
    Column("evse_id", BigInteger),
)

transaction_ids = Sequence(
    "transaction_id", start=1, minvalue=1, maxvalue=2_147_483_647, data_type=Integer
)

# `occurrence`: how many sessions had the same natural key before. `decided_at`: when the start
# was, by the database's clock; null where nobody waited for it. `stop_*` but for the reason and
# token: the best stop of the station, which counts unless the transaction was closed by hand;
# `stop_matched`: it did not name the transaction. `revision`: how often its end was told.
# `changed_xid`: which transaction of the database wrote the row last (store/changes.py).
# `token_key`: by `token_key_in_tenant`. `tenant_id`: whose the station was when it began.
# `station_transaction_id`: what the station calls it. Where a program of before made the row it is
# null and reads as `id`, and `evse_id` as the connector's number. `site_id`: where the station
# stood when it began.
transaction = Table(
    "transaction",
    metadata,
    Column(
        "id",
        Integer,
        transaction_ids,
        primary_key=True,
        server_default=transaction_ids.next_value(),
    ),
    Column("key", LargeBinary, nullable=False),
    Column("occurrence", Integer, nullable=False, server_default=text("0")),
    Column("station_id", Text, nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("id_token", Text, nullable=False),
    Column("token_key", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("authorization_status", Text, nullable=False),
    Column("token_expires_at", DateTime(True)),
    Column("token_group", Text),
    Column("started_at", DateTime(True), nullable=False),
    Column("started_raw", Text, nullable=False),
    Column("meter_start", BigInteger, nullable=False),
    Column("reservation_id", BigInteger),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("boot_count", BigInteger),
    Column("received_at", DateTime(True), nullable=False),
    Column("stop_epoch", BigInteger),
    Column("stop_seq", BigInteger),
    Column("stop_boot_count", BigInteger),
    Column("stop_matched", Boolean),
    Column("stopped_at", DateTime(True)),
    Column("meter_stop", BigInteger),
    Column("stop_reason", Text),
    Column("stop_id_token", Text),
    Column("closed_by", Text),
    Column("decided_at", DateTime(True)),
    Column("flags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("changed_xid", Xid8, nullable=False, server_default=func.pg_current_xact_id()),
    Index("transaction_by_change", "changed_xid", "id"),
    Column("revision", Integer, nullable=False, server_default=text("0")),
    Column("station_transaction_id", Text),
    Column("evse_id", BigInteger),
    Column("site_id", Text),
    tenant_id_column(),
    Index("transaction_by_key", "key", "occurrence", unique=True),
    Index("transaction_by_connector", "station_id", "connector_id", "epoch", "seq"),
    Index("transaction_by_start", "started_at", "id"),
    Index("transaction_by_stop", "stopped_at", "id"),
    Index("transaction_by_station", "station_id", "started_at", "id"),
    Index("transaction_by_token", "token_key", "started_at", "id"),
    Index(
        "transaction_open",
        "station_id",
        "connector_id",
        postgresql_where=text("status <> 'completed'"),
    ),
    Index(
        "transaction_busy",
        "token_key",
        postgresql_where=text("status = 'active'"),
    ),
    Index(
        "transaction_reserved",
        "station_id",
        "reservation_id",
        postgresql_where=text("reservation_id IS NOT NULL"),
    ),
    Index(
        "transaction_unfinished",
        "status",
        "started_at",
        "id",
        postgresql_where=text("status <> 'completed'"),
    ),
    Index("transaction_of_tenant", "tenant_id", "started_at", "id"),
    Index("transaction_of_tenant_by_change", "tenant_id", "changed_xid", "id"),
    Index("transaction_of_tenant_by_stop", "tenant_id", "stopped_at", "id"),
    Index(
        "transaction_of_tenant_by_site",
        "tenant_id",
        "site_id",
        "started_at",
        "id",
        postgresql_where=text("site_id IS NOT NULL"),
    ),
    Index(
        "transaction_of_tenant_unfinished",
        "tenant_id",
        "status",
        "started_at",
        "id",
        postgresql_where=text("status <> 'completed'"),
    ),
)

# The tags that the station had when a transaction began. No foreign key, as of `live_figures`.
transaction_tag = Table(
    "transaction_tag",
    metadata,
    Column("transaction_id", Integer, primary_key=True, autoincrement=False),
    Column("tag", Text, primary_key=True),
    tenant_id_column(),
    # The transaction's, for the order of the list.
    Column("started_at", DateTime(True), nullable=False),
    Index("transaction_tag_by_start", "tenant_id", "tag", "started_at", "transaction_id"),
)

# The newest figures that were measured of each open transaction: rows of `transaction` stay as they
# are while a session charges. Each figure has its time, so that values may come in any order.
# `told_at`: when they were last told as an event, by the database's clock, so that replicas share
# the bound. An end sets `ended`, and the row stays until nothing that was under way with it can
# bring the figures back; `kept_until`: when it goes.
# No foreign key: its check would lock, and so write to, the row of the transaction. Logged, for it
# is small beside the meter values, and after a crash an unlogged one would be empty: sessions that
# report each quarter of an hour would show nothing, and telling would begin anew for all at once.
live_figures = Table(
    "live_figures",
    metadata,
    Column("transaction_id", Integer, primary_key=True, autoincrement=False),
    Column("energy_wh", BigInteger),
    Column("energy_at", DateTime(True)),
    Column("power_w", Float(53)),
    Column("power_at", DateTime(True)),
    Column("soc_percent", Float(53)),
    Column("soc_at", DateTime(True)),
    Column("told_at", DateTime(True)),
    Column("kept_until", DateTime(True), nullable=False),
    Column("ended", Boolean, nullable=False, server_default=text("false")),
    tenant_id_column(),
    Index("live_figures_kept_until", "kept_until"),
)

# One row. A restore makes it another one: cursors of changes from before it count no more.
change_history = Table("change_history", metadata, Column("id", Uuid, primary_key=True))

# Every stop that belongs to a transaction: the one that counts, and the others as evidence.
# `ocpp_version`: whose words the payload is in.
stop = Table(
    "stop",
    metadata,
    Column("connection_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("transaction_id", Integer, ForeignKey("transaction.id"), nullable=False),
    Column("received_at", DateTime(True), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("ocpp_version", Text, nullable=False, server_default=text("'ocpp16'")),
    Index("stop_by_transaction", "transaction_id"),
    Index("stop_by_receipt", "received_at"),
)
