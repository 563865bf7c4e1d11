"""Stations that the gateways' limits do not count for: those on a test bench."""

from alembic import op

revision = "0012_exempt_stations"
down_revision = "0011_doubted_gateways"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE station ADD COLUMN exempt_from_limits BOOLEAN NOT NULL DEFAULT false")
