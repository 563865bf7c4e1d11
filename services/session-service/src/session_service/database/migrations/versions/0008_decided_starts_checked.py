"""Rows of before are checked too, in a transaction of its own: it keeps nobody off the table."""

from alembic import op

from csms_shared.db.finite_times import validate_finite_times
from session_service.database.migrations.infinite_times import mend_infinite_times

revision = "0008_decided_starts_checked"
down_revision = "0007_decided_starts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    validate_finite_times(op.get_bind(), mend_infinite_times)
