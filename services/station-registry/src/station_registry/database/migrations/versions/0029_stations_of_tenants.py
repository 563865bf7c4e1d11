"""An index by which the stations of a tenant are found."""

from alembic import op

revision = "0029_stations_of_tenants"
down_revision = "0028_tenant_table"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # One that an interrupted migration has left behind is not valid.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS station_of_tenant")
        op.execute(
            "CREATE INDEX CONCURRENTLY station_of_tenant ON station (tenant_id, station_id) "
            "WHERE deleted_at IS NULL"
        )
