"""Tariffs and their assignments, sessions, bills, charge detail records, the outbox."""

from alembic import op

from csms_shared.db.finite_times import require_finite_times, validate_finite_times

revision = "0001_bills"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    routing_key text NOT NULL,
    events bytea NOT NULL,
    event_count integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    stored_at timestamptz
);
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_unstored ON outbox (id) WHERE stored_at IS NULL;
CREATE TABLE outbox_deferred (
    exchange text NOT NULL,
    routing_key text NOT NULL,
    outbox_id bigint NOT NULL,
    events bytea NOT NULL,
    event_count integer NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (exchange, routing_key, outbox_id)
);
CREATE TABLE parked (
    id uuid PRIMARY KEY,
    queue text NOT NULL,
    type text NOT NULL,
    body bytea NOT NULL,
    station_id text,
    error text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    replayed_at timestamptz
);
CREATE INDEX parked_by_time ON parked (parked_at);
CREATE TABLE upkeep_turn (task text PRIMARY KEY, began_at timestamptz NOT NULL);
CREATE TABLE bulk_action (id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), outcome json);
CREATE INDEX bulk_action_by_time ON bulk_action (at);
CREATE TABLE tariff (
    tariff_id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    deleted_at timestamptz
);
CREATE INDEX tariff_of_tenant ON tariff (tenant_id, created_at, tariff_id)
    WHERE deleted_at IS NULL;
CREATE TABLE tariff_version (
    tariff_id uuid NOT NULL REFERENCES tariff,
    version integer NOT NULL,
    tenant_id text NOT NULL,
    name text NOT NULL,
    tariff jsonb NOT NULL,
    starts_at timestamptz,
    ends_at timestamptz,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    PRIMARY KEY (tariff_id, version)
);
CREATE TABLE tariff_assignment (
    assignment_id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    tariff_id uuid NOT NULL REFERENCES tariff,
    target text NOT NULL,
    value text NOT NULL,
    shown_value text,
    valid_from timestamptz,
    valid_to timestamptz,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    ended_at timestamptz
);
CREATE INDEX tariff_assignment_of_tenant
    ON tariff_assignment (tenant_id, created_at, assignment_id);
CREATE INDEX tariff_assignment_by_target ON tariff_assignment (tenant_id, target, value);
CREATE INDEX tariff_assignment_of_tariff ON tariff_assignment (tariff_id);
CREATE TABLE session (
    tenant_id text NOT NULL,
    transaction_id bigint NOT NULL,
    station_id text NOT NULL,
    state text NOT NULL,
    revision integer NOT NULL,
    settled_revision integer,
    due_at timestamptz,
    told integer NOT NULL DEFAULT 0,
    running_due_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    problem text,
    sequence integer NOT NULL DEFAULT 0,
    bill_id uuid,
    site_id text,
    tags text[] NOT NULL DEFAULT '{}',
    running jsonb,
    currency text,
    total_excl_vat numeric,
    total_incl_vat numeric,
    measured_at timestamptz,
    calculated_at timestamptz,
    PRIMARY KEY (tenant_id, transaction_id)
);
CREATE INDEX session_due ON session (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX session_running_due ON session (running_due_at) WHERE running_due_at IS NOT NULL;
CREATE INDEX session_with_problem ON session (tenant_id, transaction_id) WHERE problem IS NOT NULL;
CREATE TABLE bill (
    bill_id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    transaction_id bigint NOT NULL,
    sequence integer NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    revision integer NOT NULL,
    corrects uuid REFERENCES bill,
    station_id text NOT NULL,
    id_token text,
    site_id text,
    tags text[] NOT NULL,
    tariff_id uuid NOT NULL,
    tariff_version integer NOT NULL,
    assignment_id uuid,
    time_zone text NOT NULL,
    facts jsonb NOT NULL,
    cost jsonb NOT NULL,
    currency text NOT NULL,
    total_excl_vat numeric NOT NULL,
    total_incl_vat numeric NOT NULL,
    energy_kwh numeric NOT NULL,
    review text[] NOT NULL,
    created_at timestamptz NOT NULL,
    released_at timestamptz,
    released_by text,
    FOREIGN KEY (tariff_id, tariff_version) REFERENCES tariff_version,
    UNIQUE (tenant_id, transaction_id, sequence)
);
CREATE INDEX bill_of_tenant ON bill (tenant_id, created_at, bill_id);
CREATE INDEX bill_of_station ON bill (tenant_id, station_id, created_at, bill_id);
CREATE INDEX bill_to_release ON bill (tenant_id, created_at, bill_id) WHERE status = 'review';
CREATE TABLE cdr_head (tenant_id text PRIMARY KEY, position bigint NOT NULL);
CREATE TABLE cdr (
    tenant_id text NOT NULL,
    position bigint NOT NULL,
    cdr_id uuid NOT NULL UNIQUE,
    bill_id uuid NOT NULL UNIQUE REFERENCES bill,
    document jsonb NOT NULL,
    missing text[] NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, position)
)
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        op.execute(statement)
    connection = op.get_bind()
    require_finite_times(connection)
    validate_finite_times(connection, lambda _: None)
