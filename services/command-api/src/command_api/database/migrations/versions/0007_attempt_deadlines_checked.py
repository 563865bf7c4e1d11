"""The rows that were there before the deadlines of attempts are checked too."""

from alembic import op

from csms_shared.db.finite_times import validate_finite_times

revision = "0007_attempt_deadlines_checked"
down_revision = "0006_attempt_deadlines"
branch_labels = None
depends_on = None


def upgrade() -> None:
    validate_finite_times(op.get_bind(), lambda _: None)
