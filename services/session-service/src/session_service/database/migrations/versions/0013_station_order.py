"""What tells sessions, stops and attempts apart: boots, occurrences, revisions, turns."""

from alembic import op

from csms_shared.db.finite_times import require_finite_times

revision = "0013_station_order"
down_revision = "0012_weeks_and_retention"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # Constant defaults: no row is written anew.
    op.execute(
        "ALTER TABLE transaction ADD COLUMN occurrence integer NOT NULL DEFAULT 0, "
        "ADD COLUMN boot_count bigint, ADD COLUMN stop_boot_count bigint, "
        "ADD COLUMN stop_matched boolean, ADD COLUMN revision integer NOT NULL DEFAULT 0"
    )
    op.execute(
        "ALTER TABLE quarantine ADD COLUMN attempts integer NOT NULL DEFAULT 0, "
        "ADD COLUMN tried_at timestamptz, ADD COLUMN boot_count bigint, "
        "ADD COLUMN next_at timestamptz NOT NULL DEFAULT now()"
    )
    require_finite_times(op.get_bind())
