"""The metadata that every table of the schema belongs to."""

from sqlalchemy import Column, MetaData, Text

metadata = MetaData()


def tenant_id_column(*, primary_key: bool = False) -> Column[str]:
    """Return a new column of the tenant that a row belongs to."""
    return Column("tenant_id", Text, primary_key=primary_key, nullable=False)
