"""When a job was cancelled, because its station went to another tenant."""

from alembic import op

revision = "0030_cancelled_jobs"
down_revision = "0029_stations_of_tenants"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        "ALTER TABLE station_job ADD COLUMN cancelled_at timestamptz "
        "CONSTRAINT station_job_cancelled_at_finite CHECK (isfinite(cancelled_at))"
    )
