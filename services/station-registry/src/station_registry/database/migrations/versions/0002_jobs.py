"""Firmware, diagnostics and log jobs with what stations report of them."""

from alembic import op

revision = "0002_jobs"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "CREATE SEQUENCE station_job_request_id AS integer CYCLE",
    """
CREATE TABLE station_job (
    job_id UUID NOT NULL,
    station_id TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    action TEXT NOT NULL,
    request_id INTEGER,
    location TEXT NOT NULL,
    file_name TEXT,
    rollout_id UUID,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    not_before TIMESTAMP WITH TIME ZONE,
    timeout INTERVAL NOT NULL,
    deadline TIMESTAMP WITH TIME ZONE NOT NULL,
    command_end TEXT,
    command_reason TEXT,
    no_file BOOLEAN DEFAULT false NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    timed_out_at TIMESTAMP WITH TIME ZONE,
    status TEXT NOT NULL,
    station_status TEXT,
    result TEXT,
    finished_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (job_id)
) WITH (fillfactor = 80)
""",
    "CREATE INDEX station_job_of_station ON station_job (station_id, kind, job_id)",
    "CREATE INDEX station_job_of_rollout ON station_job (rollout_id, job_id)",
    "CREATE INDEX station_job_open ON station_job (deadline) "
    "WHERE status IN ('ordered', 'started', 'running')",
    "CREATE INDEX station_job_by_status ON station_job (status, job_id)",
    """
CREATE TABLE station_job_report (
    connection_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    station_id TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    kind TEXT NOT NULL,
    request_id BIGINT,
    status TEXT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    job_id UUID,
    CONSTRAINT station_job_report_pkey PRIMARY KEY (connection_id, seq)
)
""",
    "CREATE INDEX station_job_report_of_station ON station_job_report (station_id, received_at)",
    "CREATE INDEX station_job_report_of_job ON station_job_report (job_id, epoch, seq)",
    "CREATE INDEX station_job_report_by_time ON station_job_report (received_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
