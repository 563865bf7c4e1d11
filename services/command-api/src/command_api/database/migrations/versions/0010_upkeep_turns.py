"""When each periodic task was begun last, so that replicas do it once a period."""

from alembic import op

revision = "0010_upkeep_turns"
down_revision = "0009_deferred_events"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE upkeep_turn (
            task text PRIMARY KEY,
            began_at timestamptz NOT NULL,
            CONSTRAINT upkeep_turn_began_at_finite CHECK (isfinite(began_at))
        )
        """
    )
