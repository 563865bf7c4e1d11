"""The tables of the event store; functions of the migrations make the partitions."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    LargeBinary,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY

from integration_service.database.metadata import metadata

# One row: the position of the newest event. Whoever stores events holds its lock until the commit,
# so that positions become visible in their order.
event_head = Table(
    "event_head",
    metadata,
    Column("one", Boolean, primary_key=True, server_default="true"),
    Column("position", BigInteger, nullable=False),
)
# Events of one tenant and kind that were stored together, at `first_position` to `position`; `ids`
# are their keys of 16 bytes each, `events` a line of each (`lines`). `keys` is what they are found
# by: subjects and routing keys. No segment reaches over a multiple of `WINDOW` positions.
event_segment = Table(
    "event_segment",
    metadata,
    Column("kept", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("first_position", BigInteger, nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("keys", ARRAY(Text), nullable=False),
    Column("ids", LargeBinary, nullable=False),
    Column("events", LargeBinary, nullable=False),
    Column("stored_at", DateTime(True), nullable=False, server_default=func.now()),
    Index("event_segment_keys", "keys", postgresql_using="gin"),
)
# Up to where events of a kind may be gone.
event_floor = Table(
    "event_floor",
    metadata,
    Column("kept", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)
# Where events of a minute of their `time` are, by who told them: each tells in its own order, one
# long after another.
event_minute = Table(
    "event_minute",
    metadata,
    Column("minute", DateTime(True), primary_key=True),
    Column("source", Text, primary_key=True),
    Column("least", BigInteger, nullable=False),
    Column("greatest", BigInteger, nullable=False),
)
# The routing keys that have been stored, for globs.
event_type = Table("event_type", metadata, Column("routing_key", Text, primary_key=True))
# The site of each station, as station-registry told it last.
station_site = Table(
    "station_site",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("site_id", Text),
    Column("version", BigInteger, nullable=False),
)
