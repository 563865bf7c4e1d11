"""A random id of each user for the tokens: one who is deleted and made anew is another."""

from alembic import op

revision = "0008_token_ids"
down_revision = "0007_attempt_deadlines_checked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE users ADD COLUMN token_id uuid NOT NULL DEFAULT gen_random_uuid()")
