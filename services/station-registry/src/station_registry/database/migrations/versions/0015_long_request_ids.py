"""A request id is whatever integer an operator gave to GetLog or SignedUpdateFirmware."""

from alembic import op

revision = "0015_long_request_ids"
down_revision = "0014_finite_times_checked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE station_job ALTER COLUMN request_id TYPE bigint")
