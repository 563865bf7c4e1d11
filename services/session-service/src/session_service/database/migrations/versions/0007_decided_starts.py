"""When a start was decided: before that, its station could not have stopped it."""

from alembic import op

from csms_shared.db.finite_times import require_finite_times

revision = "0007_decided_starts"
down_revision = "0006_finite_times_checked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE transaction ADD COLUMN decided_at timestamptz")
    require_finite_times(op.get_bind())
