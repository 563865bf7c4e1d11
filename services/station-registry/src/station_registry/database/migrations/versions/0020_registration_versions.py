"""Which registration of a station is the newer: gateways say which one they know."""

from alembic import op

revision = "0020_registration_versions"
down_revision = "0019_station_listing_filled"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE station ADD COLUMN registration_version BIGINT NOT NULL DEFAULT 1")
