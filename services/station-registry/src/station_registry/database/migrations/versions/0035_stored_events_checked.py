"""All rows of the outbox hold to what new ones are checked for."""

from alembic import op

from csms_shared.db.finite_times import validate_finite_times

revision = "0035_stored_events_checked"
down_revision = "0034_stored_events"
branch_labels = None
depends_on = None


def upgrade() -> None:
    validate_finite_times(op.get_bind(), lambda _: None)
