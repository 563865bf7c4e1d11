"""Passwords that take a reboot: when stations said so, and when they were last reset."""

from alembic import op

revision = "0008_password_reboots"
down_revision = "0007_security_profiles"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE station ADD COLUMN password_reboot_at TIMESTAMPTZ, "
        "ADD COLUMN reset_at TIMESTAMPTZ"
    )
