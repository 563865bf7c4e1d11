"""The place of each station that has one."""

from sqlalchemy import BigInteger, Column, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY

from session_service.database.metadata import metadata, tenant_id_column

# As station-registry told it last. A station that lost its place keeps its row, whose version says
# what comes too late.
station_place = Table(
    "station_place",
    metadata,
    Column("station_id", Text, primary_key=True),
    tenant_id_column(),
    Column("site_id", Text),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("version", BigInteger, nullable=False),
    Index(
        "station_place_by_site",
        "tenant_id",
        "site_id",
        postgresql_where=text("site_id IS NOT NULL"),
    ),
    Index("station_place_by_tag", "tags", postgresql_using="gin"),
)
