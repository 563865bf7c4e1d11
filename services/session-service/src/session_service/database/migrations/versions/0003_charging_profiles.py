"""Charging profiles that stations accepted, clearings, and schedules that stations reported."""

from alembic import op

revision = "0003_charging_profiles"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE charging_profile (
    command_id uuid PRIMARY KEY,
    station_id text NOT NULL,
    connector_id bigint,
    profile_id bigint NOT NULL,
    purpose text NOT NULL,
    stack_level bigint NOT NULL,
    transaction_id bigint,
    token_key text,
    sent_at timestamptz NOT NULL,
    state text NOT NULL,
    ended_at timestamptz,
    profile json NOT NULL
);
CREATE INDEX charging_profile_by_station ON charging_profile (station_id, sent_at, command_id);
CREATE INDEX charging_profile_live ON charging_profile (station_id)
    WHERE state IN ('waiting', 'installed');
CREATE INDEX charging_profile_over ON charging_profile (ended_at)
    WHERE ended_at IS NOT NULL;
CREATE TABLE charging_clearing (
    command_id uuid PRIMARY KEY,
    station_id text NOT NULL,
    sent_at timestamptz NOT NULL,
    payload json NOT NULL
);
CREATE INDEX charging_clearing_by_station ON charging_clearing (station_id, sent_at);
CREATE TABLE reported_schedule (
    station_id text,
    connector_id bigint,
    command_id uuid NOT NULL,
    sent_at timestamptz NOT NULL,
    answered_at timestamptz NOT NULL,
    response json NOT NULL,
    computed json,
    PRIMARY KEY (station_id, connector_id)
);
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
