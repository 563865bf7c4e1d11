"""Transactions in the order of their changes and of their stops, without keeping writers off."""

from alembic import op

revision = "0010_changes_in_order"
down_revision = "0009_changes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, columns in (
            ("transaction_by_change", "changed_xid, id"),
            ("transaction_by_stop", "stopped_at, id"),
        ):
            # What an attempt that was interrupted left is not valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON transaction ({columns})")
