"""A deadline of its own for each attempt to send a held command."""

from alembic import op

from csms_shared.db.finite_times import require_finite_times

revision = "0006_attempt_deadlines"
down_revision = "0005_finite_times_checked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE commands ADD COLUMN attempt_deadline timestamptz")
    require_finite_times(op.get_bind())
    # As long as ATTEMPT_MS of the version that adds it: what is on its way now ends too.
    op.execute(
        "UPDATE commands SET attempt_deadline = least(deadline, now() + interval '50 seconds') "
        "WHERE held AND status IN ('pending', 'sent')"
    )
    op.execute(
        "CREATE INDEX commands_dispatched ON commands (station_id) "
        "WHERE held AND status IN ('pending', 'sent')"
    )
