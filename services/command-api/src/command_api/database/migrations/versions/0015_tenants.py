"""Users and API keys name their tenant; the administrators of until now are the platform's.

In one transaction with the columns: one that is made after it is a platform administrator only
where somebody says so.
"""

from alembic import op

revision = "0015_tenants"
down_revision = "0014_audit_indexes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("users", "api_keys"):
        op.execute(
            f"ALTER TABLE {table} "
            "ADD COLUMN tenant_id text COLLATE \"C\" NOT NULL DEFAULT 'default', "
            "ADD COLUMN is_platform boolean NOT NULL DEFAULT false"
        )
        op.execute(f"UPDATE {table} SET is_platform = true WHERE role = 'admin'")  # noqa: S608
    op.execute("CREATE INDEX users_of_tenant ON users (tenant_id, username)")
