"""What 0013 and 0014 replace goes, and rows of before are checked."""

from alembic import op

from csms_shared.db.finite_times import validate_finite_times
from session_service.database.migrations.infinite_times import mend_infinite_times

revision = "0015_station_order_checked"
down_revision = "0014_station_order_indexes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    validate_finite_times(op.get_bind(), mend_infinite_times)
    # Last, because it keeps everybody off until the commit.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP INDEX quarantine_open")
    # Two sessions may have one natural key; the unique index of 0012 tells them apart.
    op.execute("ALTER TABLE transaction DROP CONSTRAINT transaction_key_key")
