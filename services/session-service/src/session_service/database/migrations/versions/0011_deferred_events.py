"""Messages of the outbox that a destination has not taken yet, apart from the fresh ones."""

from alembic import op

revision = "0011_deferred_events"
down_revision = "0010_changes_in_order"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE outbox_deferred (
            exchange text NOT NULL,
            routing_key text NOT NULL,
            outbox_id bigint NOT NULL,
            events bytea NOT NULL,
            event_count integer NOT NULL,
            attempts integer NOT NULL DEFAULT 1,
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (exchange, routing_key, outbox_id),
            CONSTRAINT outbox_deferred_created_at_finite CHECK (isfinite(created_at))
        )
        """
    )
