"""Uploads that have begun, so that what a crash leaves of one is found."""

from alembic import op

revision = "0003_upload_attempts"
down_revision = "0002_uploads"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE upload_attempts (
            upload_id uuid PRIMARY KEY,
            job_id uuid NOT NULL,
            begun_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute("CREATE INDEX upload_attempts_by_time ON upload_attempts (begun_at)")
