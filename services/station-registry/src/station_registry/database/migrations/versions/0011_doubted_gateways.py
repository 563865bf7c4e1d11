"""Since when it is doubted that a gateway is there, although its lease runs."""

from alembic import op

revision = "0011_doubted_gateways"
down_revision = "0010_password_rotations"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE gateway ADD COLUMN doubted_at TIMESTAMPTZ")
