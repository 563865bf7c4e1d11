"""Connectors that went out of service, which ends their reservations."""

from alembic import op

revision = "0004_reservation_outages"
down_revision = "0003_charging_profiles"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE reservation_outage (
    station_id text NOT NULL,
    connector_id bigint NOT NULL,
    at timestamptz NOT NULL,
    reason text NOT NULL,
    CONSTRAINT reservation_outage_pkey PRIMARY KEY (station_id, connector_id, at)
);
CREATE INDEX reservation_outage_by_time ON reservation_outage (at)
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        op.execute(statement)
