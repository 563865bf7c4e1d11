"""Every time is finite from now on; those that came as infinities are mended."""

from alembic import op

from csms_shared.db.finite_times import require_finite_times

revision = "0004_finite_times"
down_revision = "0003_upload_attempts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    require_finite_times(op.get_bind())
