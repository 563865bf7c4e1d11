"""The EVSE that each connector belongs to; null reads as the connector's number."""

from alembic import op

revision = "0023_evses"
down_revision = "0022_bulk_actions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE connector ADD COLUMN evse_id bigint")
