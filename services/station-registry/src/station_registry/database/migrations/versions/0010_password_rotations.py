"""The order of a station's password rotations, and until when the newest is under way."""

from alembic import op

revision = "0010_password_rotations"
down_revision = "0009_expiry_of_roots"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE station ADD COLUMN password_rotations UUID[] NOT NULL DEFAULT '{}', "
        "ADD COLUMN password_rotation_until TIMESTAMPTZ"
    )
