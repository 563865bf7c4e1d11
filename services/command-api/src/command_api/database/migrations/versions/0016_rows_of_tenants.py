"""Commands and what belongs to them name their tenant; lists of a tenant go by indexes of it."""

from alembic import op

revision = "0016_rows_of_tenants"
down_revision = "0015_tenants"
branch_labels = None
depends_on = None

# A constant default: no row is written anew, and what older programs write is of that tenant.
_OF_TENANT = "ADD COLUMN IF NOT EXISTS tenant_id text COLLATE \"C\" NOT NULL DEFAULT 'default'"
_TABLES = (
    "commands",
    "transaction_starts",
    "idempotency_keys",
    "upload_tokens",
    "uploads",
    "upload_attempts",
)
_INDEXES = {
    "commands_of_tenant": "commands (tenant_id, command_id)",
    "audit_of_tenant": "audit (tenant_id, at, id)",
}


def upgrade() -> None:
    # Each table by itself: whoever has locked two of them in another order would wait for this.
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = '5s'")
        for table in _TABLES:
            op.execute(f"ALTER TABLE {table} {_OF_TENANT}")
        op.execute("RESET lock_timeout")
        for name, rows in _INDEXES.items():
            # One that an interrupted migration has left behind is not valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {rows}")
