"""The tables of sites, and of the stations that each tag means."""

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)

from station_registry.database.metadata import metadata, station_id_column, tenant_id_column

site = Table(
    "site",
    metadata,
    tenant_id_column(),
    Column("site_id", Text(collation="C"), nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text),
    Column("city", Text),
    Column("postal_code", Text),
    Column("country", Text),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("time_zone", Text),
    Column("opening_hours", JSON),
    Column("notes", Text),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("tenant_id", "site_id", name="site_pkey"),
)

# The tags of every station that is not deleted; triggers on `station` keep it. A table of its own,
# because a B-tree gives the stations of a tag in the order of lists, whatever share of a fleet has
# the tag, and goes on doing so under row-level security, where `@>` may use no index.
station_tag = Table(
    "station_tag",
    metadata,
    tenant_id_column(),
    station_id_column(),
    Column("tag", Text(collation="C"), nullable=False),
    PrimaryKeyConstraint("station_id", "tag", name="station_tag_pkey"),
    Index("station_tag_by_tag", "tenant_id", "tag", "station_id"),
)

# Whose place other services have to be told, or were; triggers on `station` keep it. `version`: of
# the station's site and tags.
station_place = Table(
    "station_place",
    metadata,
    tenant_id_column(),
    station_id_column(),
    Column("version", BigInteger, nullable=False),
    Column("told", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("station_id", name="station_place_pkey"),
    Index("station_place_untold", "station_id", postgresql_where=text("NOT told")),
)
