"""The metadata that every table of the schema belongs to.

Station ids are collated "C": the order of locks is the order of their bytes everywhere. Nothing
refers to `station` by a foreign key: rows of a station are written under its lock or are history,
and a shared lock per child row would cost more than it guards.
"""

from sqlalchemy import Column, MetaData, Text

from csms_shared.values.tenants import DEFAULT_TENANT

metadata = MetaData()


def tenant_id_column() -> Column[str]:
    """Return a new column of the tenant that a row belongs to."""
    return Column("tenant_id", Text(collation="C"), nullable=False, server_default=DEFAULT_TENANT)


def station_id_column() -> Column[str]:
    """Return a new column of a station's id."""
    return Column("station_id", Text(collation="C"), nullable=False)
