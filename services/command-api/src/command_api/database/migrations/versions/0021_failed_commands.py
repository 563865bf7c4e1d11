"""Commands that ended without an answer, or in an error, are found by when they ended."""

from alembic import op

revision = "0021_failed_commands"
down_revision = "0020_stored_events_checked"
branch_labels = None
depends_on = None

_INDEX = (
    "commands_failed ON commands (tenant_id, completed_at, command_id) "
    "WHERE status IN ('error', 'expired', 'station_offline', 'outcome_unknown')"
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # One that an interrupted migration has left behind is not valid.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS commands_failed")
        op.execute(f"CREATE INDEX CONCURRENTLY {_INDEX}")
