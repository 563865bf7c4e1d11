"""The metadata that every table of the schema belongs to."""

from sqlalchemy import Column, MetaData, Text, text

from csms_shared.values.tenants import DEFAULT_TENANT

metadata = MetaData()


def tenant_id_column() -> Column[str]:
    """Return a new column of the tenant that a row belongs to."""
    return Column("tenant_id", Text, nullable=False, server_default=text(f"'{DEFAULT_TENANT}'"))
