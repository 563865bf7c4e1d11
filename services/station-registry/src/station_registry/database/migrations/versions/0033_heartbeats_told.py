"""Of each station it is known which heartbeat was told last."""

from alembic import op

revision = "0033_heartbeats_told"
down_revision = "0032_recording_levels"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = '5s'")
        op.execute(
            "ALTER TABLE station_liveness ADD COLUMN IF NOT EXISTS heartbeat_told_at timestamptz"
        )
        op.execute("RESET lock_timeout")
