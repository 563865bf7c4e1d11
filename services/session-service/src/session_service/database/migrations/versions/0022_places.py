"""Where stations stand, and where each transaction began."""

from alembic import op

revision = "0022_places"
down_revision = "0021_live_figures"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE TABLE station_place (
    station_id text PRIMARY KEY,
    tenant_id text NOT NULL DEFAULT 'default',
    site_id text,
    tags text[] NOT NULL DEFAULT '{}',
    version bigint NOT NULL
)
""",
    "ALTER TABLE transaction ADD COLUMN site_id text",
    """
CREATE TABLE transaction_tag (
    transaction_id integer NOT NULL,
    tag text NOT NULL,
    tenant_id text NOT NULL DEFAULT 'default',
    started_at timestamptz NOT NULL,
    PRIMARY KEY (transaction_id, tag),
    CONSTRAINT transaction_tag_started_at_finite CHECK (isfinite(started_at))
)
""",
    "CREATE INDEX transaction_tag_by_start "
    "ON transaction_tag (tenant_id, tag, started_at, transaction_id)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement)
