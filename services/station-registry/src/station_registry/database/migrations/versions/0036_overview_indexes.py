"""Stopped rollouts and critical security events of a tenant are found by indexes of their own."""

from alembic import op

revision = "0036_overview_indexes"
down_revision = "0035_stored_events_checked"
branch_labels = None
depends_on = None

_INDEXES = {
    "firmware_rollout_stopped": (
        "firmware_rollout (tenant_id, rollout_id) WHERE status = 'stopped'"
    ),
    "security_event_critical": ("security_event (tenant_id, received_at, event_id) WHERE critical"),
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, rows in _INDEXES.items():
            # One that an interrupted migration has left behind is not valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {rows}")
