"""Which rows of the outbox the event store has, apart from who follows them in the suite."""

from alembic import op

from csms_shared.db.finite_times import require_finite_times

revision = "0034_stored_events"
down_revision = "0033_heartbeats_told"
branch_labels = None
depends_on = None

_INDEX = "outbox_unstored ON outbox (id) WHERE stored_at IS NULL"


def upgrade() -> None:
    # What has left by now is what subscribers have been told already: the store begins after it. As
    # a default that is taken away again, it costs no look at the rows.
    op.execute("ALTER TABLE outbox ADD COLUMN stored_at timestamptz DEFAULT now()")
    op.execute("ALTER TABLE outbox ALTER COLUMN stored_at DROP DEFAULT")
    op.execute("UPDATE outbox SET stored_at = NULL WHERE published_at IS NULL")
    require_finite_times(op.get_bind())
    with op.get_context().autocommit_block():
        # One that was interrupted is there, and is of no use.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS outbox_unstored")
        op.execute(f"CREATE INDEX CONCURRENTLY {_INDEX}")
