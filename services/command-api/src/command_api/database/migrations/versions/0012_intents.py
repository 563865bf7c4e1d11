"""What ordered commands say in no version's words, and which are still to be checked."""

from alembic import op

revision = "0012_intents"
down_revision = "0011_bulk_actions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        "ALTER TABLE commands ADD COLUMN intent json, "
        "ADD COLUMN unchecked boolean NOT NULL DEFAULT false"
    )
