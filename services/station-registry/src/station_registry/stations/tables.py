"""Tables of what operators see of stations: by what lists are searched, what connectors are."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)

from station_registry.database.metadata import metadata, station_id_column, tenant_id_column

# Of every station that is not deleted, what lists are filtered by; triggers on `station` keep it.
# `search`: the texts that are looked into, in lower case, a unit separator between them.
station_listing = Table(
    "station_listing",
    metadata,
    station_id_column(),
    tenant_id_column(),
    Column("registration_status", Text, nullable=False),
    Column("vendor", Text),
    Column("search", Text(collation="C"), nullable=False),
    Column("site_id", Text(collation="C")),
    PrimaryKeyConstraint("station_id", name="station_listing_pkey"),
    Index("station_listing_of_tenant", "tenant_id", "station_id"),
    Index(
        "station_listing_of_tenant_by_site",
        "tenant_id",
        "site_id",
        "station_id",
        postgresql_where=text("site_id IS NOT NULL"),
    ),
    Index(
        "station_listing_by_site",
        "site_id",
        "station_id",
        postgresql_where=text("site_id IS NOT NULL"),
    ),
)

# What operators say of connectors, beside what stations say: a row may be there before the first
# report. A table of its own, because each report of a status writes a row of `connector`.
connector_hardware = Table(
    "connector_hardware",
    metadata,
    tenant_id_column(),
    station_id_column(),
    Column("evse_id", BigInteger, nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("plug_type", Text),
    Column("max_power_w", Integer),
    Column("updated_at", DateTime(True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("station_id", "evse_id", "connector_id", name="connector_hardware_pkey"),
)
