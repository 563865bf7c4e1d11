"""The metadata that every table of the schema belongs to."""

from sqlalchemy import Column, MetaData, Text

metadata = MetaData()


def tenant_id_column() -> Column[str]:
    """Return the column that says whose a row is; older programs leave it out."""
    return Column("tenant_id", Text(collation="C"), nullable=False, server_default="default")
