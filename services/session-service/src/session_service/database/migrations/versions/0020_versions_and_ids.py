"""Stored payloads name their OCPP version, transactions and connectors what 2.x calls them."""

from alembic import op

revision = "0020_versions_and_ids"
down_revision = "0019_profiles_to_settle"
branch_labels = None
depends_on = None

_VERSION = "ADD COLUMN IF NOT EXISTS ocpp_version text NOT NULL DEFAULT 'ocpp16'"
# Constant defaults, or none: no row is written anew. What older programs write is of 1.6, and
# their columns are null: README.md says what null means.
_TABLES = {
    "stop": _VERSION,
    "quarantine": _VERSION,
    "charging_profile": _VERSION,
    "charging_clearing": _VERSION,
    "reported_schedule": _VERSION,
    "transaction": "ADD COLUMN IF NOT EXISTS station_transaction_id text, "
    "ADD COLUMN IF NOT EXISTS evse_id bigint",
    "connector": "ADD COLUMN IF NOT EXISTS evse_id bigint",
    "id_token": "ADD COLUMN IF NOT EXISTS type text",
}


def upgrade() -> None:
    # Each table by itself: whoever has locked two of them in another order would wait for this.
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = '5s'")
        for table, columns in _TABLES.items():
            op.execute(f"ALTER TABLE {table} {columns}")
        op.execute("RESET lock_timeout")
