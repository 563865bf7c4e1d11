"""One-time tokens of uploads, and what stations uploaded."""

from alembic import op

revision = "0002_uploads"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE upload_tokens (
            token_hash bytea PRIMARY KEY,
            job_id uuid NOT NULL,
            expires_at timestamptz NOT NULL,
            used_at timestamptz
        )
        """
    )
    op.execute("CREATE INDEX upload_tokens_by_time ON upload_tokens (expires_at)")
    op.execute(
        """
        CREATE TABLE uploads (
            upload_id uuid PRIMARY KEY,
            job_id uuid NOT NULL,
            file_name text NOT NULL,
            size bigint NOT NULL,
            sha256 text NOT NULL,
            remote_address text NOT NULL,
            received_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute("CREATE INDEX uploads_of_job ON uploads (job_id)")
    op.execute("CREATE INDEX uploads_by_time ON uploads (received_at)")
