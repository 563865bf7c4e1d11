"""Which charging profiles may have something to settle is found without those that have not."""

from alembic import op

revision = "0019_profiles_to_settle"
down_revision = "0018_open_items_as_sent"
branch_labels = None
depends_on = None

_INDEXES = {
    "charging_profile_waiting": "charging_profile (station_id) WHERE state = 'waiting'",
    "charging_profile_of_transaction": "charging_profile (transaction_id) "
    "WHERE state = 'installed' AND transaction_id IS NOT NULL",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, rows in _INDEXES.items():
            # One that an interrupted migration has left behind is not valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {rows}")
