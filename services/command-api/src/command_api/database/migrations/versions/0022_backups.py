"""Backups that ended, as `csms-backup` notes them by a function of this schema."""

from alembic import op

revision = "0022_backups"
down_revision = "0021_failed_commands"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE backup (
            backup_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            began_at timestamptz NOT NULL,
            ended_at timestamptz NOT NULL,
            size_bytes bigint NOT NULL,
            place text NOT NULL,
            version text NOT NULL,
            CONSTRAINT backup_began_at_finite CHECK (isfinite(began_at)),
            CONSTRAINT backup_ended_at_finite CHECK (isfinite(ended_at))
        )
        """
    )
    op.execute("CREATE INDEX backup_by_end ON backup (ended_at)")
    # All that `csms-backup` knows of this schema; it is the schema's owner who calls it.
    op.execute(
        """
        CREATE FUNCTION note_backup(
            began_at timestamptz, ended_at timestamptz, size_bytes bigint, place text, version text
        ) RETURNS void LANGUAGE sql SET search_path = command, pg_temp AS $$
            INSERT INTO backup (began_at, ended_at, size_bytes, place, version)
            VALUES ($1, $2, $3, $4, $5)
        $$
        """
    )
    op.execute(
        "REVOKE ALL ON FUNCTION note_backup(timestamptz, timestamptz, bigint, text, text) "
        "FROM PUBLIC"
    )
