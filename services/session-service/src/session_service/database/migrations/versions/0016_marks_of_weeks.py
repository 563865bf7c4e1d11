"""Marks of weeks have no key: each transaction may make its own, and waits for no other's."""

from alembic import op

revision = "0016_marks_of_weeks"
down_revision = "0015_station_order_checked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        "ALTER TABLE meter_value_week DROP CONSTRAINT meter_value_week_pkey, "
        "ALTER week SET NOT NULL, ALTER received_on SET NOT NULL"
    )
    # A row per week and day: it is made in no time.
    op.execute("CREATE INDEX meter_value_week_given ON meter_value_week (week, received_on)")
