"""Indexes by which rollouts and jobs are read as far as they can still change."""

from alembic import op

revision = "0021_jobs_by_what_is_due"
down_revision = "0020_registration_versions"
branch_labels = None
depends_on = None

_INDEXES = {
    "station_job_of_rollout_by_status": "station_job (rollout_id, status) "
    "WHERE rollout_id IS NOT NULL",
    "station_job_open_of_rollout": "station_job (rollout_id) "
    "WHERE rollout_id IS NOT NULL AND status IN ('ordered', 'started', 'running')",
    "station_job_unsettled": "station_job (station_id) "
    "WHERE status IN ('ordered', 'started', 'running', 'timed_out')",
    "station_job_in_order": "station_job (station_id, kind, (command_end IS NOT NULL), "
    "(coalesce(sent_at, created_at)), job_id) "
    "WHERE command_end IS NULL OR command_end IN ('accepted', 'unknown')",
    "station_job_of_request": "station_job (station_id, kind, request_id) "
    "WHERE request_id IS NOT NULL",
    "station_job_report_in_order": "station_job_report (station_id, kind, epoch, seq)",
    "station_job_report_of_success": "station_job_report (job_id, epoch, seq) "
    "WHERE status IN ('Installed', 'Uploaded')",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, rows in _INDEXES.items():
            # One that an interrupted migration has left behind is not valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {rows}")
