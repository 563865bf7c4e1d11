"""The table by which lists of stations are searched."""

from sqlalchemy import (
    Column,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from station_registry.database.metadata import metadata, station_id_column

# Of every station that is not deleted, what lists are filtered by; triggers on `station` keep it.
# `search`: the texts that are looked into, in lower case, a unit separator between them.
station_listing = Table(
    "station_listing",
    metadata,
    station_id_column(),
    Column("registration_status", Text, nullable=False),
    Column("vendor", Text),
    Column("search", Text(collation="C"), nullable=False),
    PrimaryKeyConstraint("station_id", name="station_listing_pkey"),
)
