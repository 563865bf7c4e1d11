"""Rollouts of one firmware to many stations."""

from alembic import op

revision = "0003_rollouts"
down_revision = "0002_jobs"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE TABLE firmware_rollout (
    rollout_id UUID NOT NULL,
    name TEXT NOT NULL,
    action TEXT NOT NULL,
    payload JSON NOT NULL,
    timeout_s INTEGER NOT NULL,
    send_within_s INTEGER NOT NULL,
    concurrency INTEGER NOT NULL,
    stop_after_failures INTEGER,
    failures_forgiven INTEGER DEFAULT '0' NOT NULL,
    status TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (rollout_id)
)
""",
    "CREATE INDEX firmware_rollout_running ON firmware_rollout (rollout_id) "
    "WHERE status = 'running'",
    """
CREATE TABLE firmware_rollout_station (
    rollout_id UUID NOT NULL,
    station_id TEXT COLLATE "C" NOT NULL,
    job_id UUID,
    CONSTRAINT firmware_rollout_station_pkey PRIMARY KEY (rollout_id, station_id)
)
""",
    "CREATE INDEX firmware_rollout_station_waiting "
    "ON firmware_rollout_station (rollout_id, station_id) WHERE job_id IS NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
