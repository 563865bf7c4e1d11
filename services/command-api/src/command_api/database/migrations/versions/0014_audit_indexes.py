"""The audit is found by who acted and by what it was about."""

from alembic import op

revision = "0014_audit_indexes"
down_revision = "0013_sessions_and_audit"
branch_labels = None
depends_on = None

_INDEXES = {
    "audit_of_principal": "audit (principal, at)",
    "audit_of_target": "audit (target_id, at) WHERE target_id IS NOT NULL",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, rows in _INDEXES.items():
            # One that an interrupted migration has left behind is not valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {rows}")
