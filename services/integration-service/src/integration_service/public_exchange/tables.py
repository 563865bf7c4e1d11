"""How far the public exchange is, and what subscribers have not taken."""

from sqlalchemy import BigInteger, Boolean, Column, Table

from csms_shared.db.tables import outbox_deferred_table
from integration_service.database.metadata import metadata

public_feed = Table(
    "public_feed",
    metadata,
    Column("one", Boolean, primary_key=True, server_default="true"),
    Column("position", BigInteger, nullable=False),
)
public_deferred = outbox_deferred_table(metadata, "public_deferred")
