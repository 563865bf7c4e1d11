"""Stations are found by site and tag, for users and keys that are limited to some."""

from alembic import op

revision = "0024_scopes"
down_revision = "0023_tenants"
branch_labels = None
depends_on = None

_INDEXES = {
    "station_place_by_site": "station_place (tenant_id, site_id) WHERE site_id IS NOT NULL",
    "station_place_by_tag": "station_place USING gin (tags)",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, rows in _INDEXES.items():
            # One that an interrupted migration has left behind is not valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {rows}")
