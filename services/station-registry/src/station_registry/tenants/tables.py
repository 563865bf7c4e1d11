"""The table of tenants."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
)

from station_registry.database.metadata import metadata

# `stations`: how many it has; triggers on `station` keep it. `disconnect_until`: until when its
# connections are looked for and ended, after it was suspended.
tenant = Table(
    "tenant",
    metadata,
    Column("tenant_id", Text(collation="C"), nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    Column("party_id", Text),
    Column("country_code", Text),
    Column("time_zone", Text),
    Column("max_stations", Integer),
    Column("max_requests_per_s", Integer),
    Column("stations", BigInteger, nullable=False, server_default="0"),
    Column("disconnect_until", DateTime(True)),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("tenant_id", name="tenant_pkey"),
)
