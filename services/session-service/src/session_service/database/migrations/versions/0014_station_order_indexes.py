"""The indexes of 0013, while everybody goes on reading and writing."""

from alembic import op

revision = "0014_station_order_indexes"
down_revision = "0013_station_order"
branch_labels = None
depends_on = None

_INDEXES = {
    "transaction_by_key": "transaction (key, occurrence)",
    "transaction_by_connector": "transaction (station_id, connector_id, epoch, seq)",
    "quarantine_by_station": "quarantine (station_id, kind, epoch, seq) WHERE status = 'open'",
    "quarantine_turns": "quarantine (station_id, kind, next_at) WHERE status = 'open'",
    "quarantine_due": "quarantine (next_at) WHERE status = 'open'",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, rows in _INDEXES.items():
            unique = "UNIQUE " if name == "transaction_by_key" else ""
            # One that an interrupted migration has left behind is not valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE {unique}INDEX CONCURRENTLY {name} ON {rows}")
