"""The newest figures of open transactions, beside their meter values."""

from alembic import op

revision = "0021_live_figures"
down_revision = "0020_versions_and_ids"
branch_labels = None
depends_on = None

# Half of each page is left to the next versions of its rows: these are written anew with each call,
# and the index on the one column that changes once a day is then left alone.
_TABLE = """
CREATE TABLE live_figures (
    transaction_id integer PRIMARY KEY,
    energy_wh bigint,
    energy_at timestamptz,
    power_w float8,
    power_at timestamptz,
    soc_percent float8,
    soc_at timestamptz,
    told_at timestamptz,
    kept_until timestamptz NOT NULL,
    ended boolean NOT NULL DEFAULT false,
    tenant_id text NOT NULL DEFAULT 'default',
    CONSTRAINT live_figures_energy_at_finite CHECK (isfinite(energy_at)),
    CONSTRAINT live_figures_power_at_finite CHECK (isfinite(power_at)),
    CONSTRAINT live_figures_soc_at_finite CHECK (isfinite(soc_at)),
    CONSTRAINT live_figures_told_at_finite CHECK (isfinite(told_at)),
    CONSTRAINT live_figures_kept_until_finite CHECK (isfinite(kept_until))
) WITH (fillfactor = 50)
"""


def upgrade() -> None:
    op.execute(_TABLE)
    op.execute("CREATE INDEX live_figures_kept_until ON live_figures (kept_until)")
