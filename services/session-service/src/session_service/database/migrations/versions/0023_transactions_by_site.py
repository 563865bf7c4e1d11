"""The index of transactions by the site where they began, while everybody goes on."""

from alembic import op

revision = "0023_transactions_by_site"
down_revision = "0022_places"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # One that an interrupted migration has left behind is not valid.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS transaction_by_site")
        op.execute(
            "CREATE INDEX CONCURRENTLY transaction_by_site "
            "ON transaction (site_id, started_at, id) WHERE site_id IS NOT NULL"
        )
