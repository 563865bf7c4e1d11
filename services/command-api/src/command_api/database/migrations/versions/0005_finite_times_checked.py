"""Rows of before are checked too, in a transaction of its own: it keeps nobody off the tables."""

from alembic import op

from csms_shared.db.finite_times import validate_finite_times

revision = "0005_finite_times_checked"
down_revision = "0004_finite_times"
branch_labels = None
depends_on = None


def upgrade() -> None:
    validate_finite_times(op.get_bind(), lambda _: None)
