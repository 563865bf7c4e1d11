"""What batches of bulk actions have done: one that is asked for again does nothing again."""

from alembic import op

revision = "0017_bulk_actions"
down_revision = "0016_marks_of_weeks"
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
