"""Users and API keys may be limited to sites and tags; null: to none of them, as until now."""

from alembic import op

revision = "0017_scopes"
down_revision = "0016_rows_of_tenants"
branch_labels = None
depends_on = None

_TABLES = ("users", "api_keys")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in _TABLES:
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN scope_site_ids text[], ADD COLUMN scope_tags text[], "
            f"ADD CONSTRAINT {table}_scope_whole "
            "CHECK ((scope_site_ids IS NULL) = (scope_tags IS NULL))"
        )
