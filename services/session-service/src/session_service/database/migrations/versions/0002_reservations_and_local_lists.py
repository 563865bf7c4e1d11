"""Reservations, what stations answered to their cancellation, and local authorization lists."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = """
CREATE SEQUENCE reservation_id AS integer MINVALUE 1 START 1;
CREATE TABLE reservation (
    id integer PRIMARY KEY DEFAULT nextval('reservation_id'),
    station_id text NOT NULL,
    wire_id bigint NOT NULL,
    connector_id bigint NOT NULL,
    id_token text NOT NULL,
    token_key text NOT NULL,
    group_id text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    created_by text NOT NULL,
    command_id uuid NOT NULL UNIQUE,
    answer text NOT NULL DEFAULT 'none',
    refusal text,
    answered_at timestamptz,
    cancel_wanted_at timestamptz,
    cancel_wanted_by text,
    cancel_command_id uuid,
    cancel_failure text,
    status text NOT NULL DEFAULT 'pending',
    reason text,
    ended_at timestamptz,
    transaction_id integer
);
CREATE INDEX reservation_by_station ON reservation (station_id, expires_at);
CREATE INDEX reservation_by_wire_id ON reservation (station_id, wire_id);
CREATE INDEX reservation_by_token ON reservation (token_key, id);
CREATE INDEX reservation_open ON reservation (expires_at) WHERE status IN ('pending', 'active');
CREATE TABLE reservation_cancellation (
    command_id uuid PRIMARY KEY,
    station_id text NOT NULL,
    wire_id bigint NOT NULL,
    asked_at timestamptz NOT NULL,
    answered_at timestamptz NOT NULL,
    accepted boolean NOT NULL
);
CREATE INDEX reservation_cancellation_by_wire_id ON reservation_cancellation (station_id, wire_id);
CREATE INDEX transaction_reserved ON transaction (station_id, reservation_id)
    WHERE reservation_id IS NOT NULL;
CREATE TABLE local_list_content (
    digest text PRIMARY KEY,
    entries json NOT NULL,
    touched_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE local_list (
    station_id text PRIMARY KEY,
    enabled boolean NOT NULL,
    group_ids text[],
    id_tokens text[],
    stage text NOT NULL DEFAULT 'limits',
    known_version bigint,
    known_digest text,
    last_version bigint NOT NULL DEFAULT 0,
    doubtful_version bigint,
    doubtful_digest text,
    asked text,
    command_id uuid,
    sent_version bigint,
    sent_digest text,
    sent_completes boolean NOT NULL DEFAULT false,
    max_entries bigint,
    max_per_message bigint,
    failures integer NOT NULL DEFAULT 0,
    supported boolean NOT NULL DEFAULT true,
    last_result text,
    last_result_at timestamptz,
    checked_at timestamptz,
    next_at timestamptz,
    wanted_digest text,
    wanted_entries integer,
    left_out integer NOT NULL DEFAULT 0,
    fingerprint text,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX local_list_due ON local_list (next_at) WHERE enabled
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        op.execute(statement)
