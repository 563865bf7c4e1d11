"""Where the station stood when each reservation was made; what has been made is of no place."""

from alembic import op

revision = "0027_places_of_reservations"
down_revision = "0026_stored_events_checked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        "ALTER TABLE reservation ADD COLUMN site_id text, "
        "ADD COLUMN tags text[] NOT NULL DEFAULT '{}'"
    )
