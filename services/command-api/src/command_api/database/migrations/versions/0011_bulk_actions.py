"""What batches of bulk actions have done: one that is asked for again does nothing again.

The audit tells what was asked for, and what came of it.
"""

from alembic import op

revision = "0011_bulk_actions"
down_revision = "0010_upkeep_turns"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE bulk_action (
            id uuid PRIMARY KEY,
            at timestamptz NOT NULL DEFAULT now(),
            outcome json,
            CONSTRAINT bulk_action_at_finite CHECK (isfinite(at))
        )
        """
    )
    op.execute("CREATE INDEX bulk_action_by_time ON bulk_action (at)")
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE audit ADD COLUMN asked json, ADD COLUMN outcome json")
