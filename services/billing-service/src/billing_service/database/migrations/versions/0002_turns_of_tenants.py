"""What is due is found by tenant: each has its turn."""

from alembic import op

revision = "0002_turns_of_tenants"
down_revision = "0001_bills"
branch_labels = None
depends_on = None

_NAME = "session_due_of_tenant"
_ROWS = "session (tenant_id, due_at, transaction_id) WHERE due_at IS NOT NULL"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # One that an interrupted migration has left behind is not valid.
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {_NAME}")
        op.execute(f"CREATE INDEX CONCURRENTLY {_NAME} ON {_ROWS}")
