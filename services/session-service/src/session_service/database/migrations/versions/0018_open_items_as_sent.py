"""The index by which bulk actions go through the open items of the quarantine."""

from alembic import op

revision = "0018_open_items_as_sent"
down_revision = "0017_bulk_actions"
branch_labels = None
depends_on = None

_NAME = "quarantine_as_sent"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # One that an interrupted migration has left behind is not valid.
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {_NAME}")
        op.execute(
            f"CREATE INDEX CONCURRENTLY {_NAME} ON quarantine "
            "(station_id, (kind <> 'stop'), epoch, seq, id) WHERE status = 'open'"
        )
