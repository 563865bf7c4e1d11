"""Of recordings it is known whose they are, how bad, and of which actions, without reading them."""

from alembic import op

revision = "0032_recording_levels"
down_revision = "0031_rows_of_tenants"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = '5s'")
        # Without a default: no row is written anew, and what older programs write is not known.
        op.execute(
            "ALTER TABLE recording ADD COLUMN IF NOT EXISTS tenants text[], "
            "ADD COLUMN IF NOT EXISTS level smallint, ADD COLUMN IF NOT EXISTS actions text[]"
        )
        # Not concurrently, which an index of all partitions can't be: recordings wait in their
        # queue meanwhile.
        for name, least in (("recording_warnings", 1), ("recording_errors", 2)):
            op.execute(
                f"CREATE INDEX IF NOT EXISTS {name} ON recording (last_at, recording_id) "
                f"WHERE level IS NULL OR level >= {least}"
            )
        op.execute("RESET lock_timeout")
