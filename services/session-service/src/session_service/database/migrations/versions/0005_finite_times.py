"""Every time is finite from now on; those that came as infinities are mended."""

from alembic import op

from csms_shared.db.finite_times import require_finite_times
from session_service.database.migrations.infinite_times import mend_infinite_times

revision = "0005_finite_times"
down_revision = "0004_reservation_outages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    mend_infinite_times(connection)
    require_finite_times(connection)
