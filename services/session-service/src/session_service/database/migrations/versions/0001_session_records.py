"""Id tokens, transactions, stops, meter values by week, quarantine, outbox and parked items."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE id_token (
    key text PRIMARY KEY,
    id_token text NOT NULL,
    status text NOT NULL,
    expires_at timestamptz,
    group_id text,
    max_concurrent integer,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE connector (
    station_id text,
    connector_id bigint,
    latest_epoch bigint NOT NULL DEFAULT -1,
    latest_seq bigint NOT NULL DEFAULT -1,
    PRIMARY KEY (station_id, connector_id)
) WITH (fillfactor = 70);
CREATE SEQUENCE transaction_id AS integer MINVALUE 1 START 1;
CREATE TABLE transaction (
    id integer PRIMARY KEY DEFAULT nextval('transaction_id'),
    key bytea NOT NULL UNIQUE,
    station_id text NOT NULL,
    connector_id bigint NOT NULL,
    id_token text NOT NULL,
    token_key text NOT NULL,
    status text NOT NULL,
    authorization_status text NOT NULL,
    token_expires_at timestamptz,
    token_group text,
    started_at timestamptz NOT NULL,
    started_raw text NOT NULL,
    meter_start bigint NOT NULL,
    reservation_id bigint,
    epoch bigint NOT NULL,
    seq bigint NOT NULL,
    received_at timestamptz NOT NULL,
    stop_epoch bigint,
    stop_seq bigint,
    stopped_at timestamptz,
    meter_stop bigint,
    stop_reason text,
    stop_id_token text,
    closed_by text,
    flags text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX transaction_by_start ON transaction (started_at, id);
CREATE INDEX transaction_by_station ON transaction (station_id, started_at, id);
CREATE INDEX transaction_by_token ON transaction (token_key, started_at, id);
CREATE INDEX transaction_open ON transaction (station_id, connector_id)
    WHERE status <> 'completed';
CREATE INDEX transaction_busy ON transaction (token_key) WHERE status = 'active';
CREATE INDEX transaction_unfinished ON transaction (status, started_at, id)
    WHERE status <> 'completed';
CREATE TABLE stop (
    connection_id text,
    seq bigint,
    epoch bigint NOT NULL,
    transaction_id integer NOT NULL REFERENCES transaction (id),
    received_at timestamptz NOT NULL,
    payload json NOT NULL,
    PRIMARY KEY (connection_id, seq)
);
CREATE INDEX stop_by_transaction ON stop (transaction_id);
CREATE TABLE meter_value (
    sampled_at timestamptz,
    digest bytea,
    received_at timestamptz NOT NULL,
    transaction_id integer,
    connector_id bigint,
    value double precision,
    station_id text NOT NULL,
    measurand text,
    phase text,
    context text,
    location text,
    format text,
    unit text,
    raw text NOT NULL,
    PRIMARY KEY (sampled_at, digest)
) PARTITION BY RANGE (sampled_at);
CREATE INDEX meter_value_by_transaction ON meter_value (transaction_id, sampled_at)
    WHERE transaction_id IS NOT NULL;
CREATE TABLE meter_value_default PARTITION OF meter_value DEFAULT;
CREATE TABLE quarantine (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    station_id text NOT NULL,
    connector_id bigint,
    wire_transaction_id bigint,
    id_token text,
    connection_id text NOT NULL,
    epoch bigint NOT NULL,
    seq bigint NOT NULL,
    received_at timestamptz NOT NULL,
    reason text NOT NULL,
    status text NOT NULL DEFAULT 'open',
    transaction_id integer,
    payload json NOT NULL
);
CREATE INDEX quarantine_by_time ON quarantine (received_at, id);
CREATE INDEX quarantine_open ON quarantine (station_id) WHERE status = 'open';
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    routing_key text NOT NULL,
    events bytea NOT NULL,
    event_count integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz
);
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;
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
CREATE INDEX parked_by_time ON parked (parked_at)
"""

# The service's role owns nothing, so it makes and drops partitions through these two. A week's
# rows that came before its partition are moved out of the default partition.
_MAKE_PARTITIONS = """
CREATE FUNCTION make_meter_value_partitions(weeks_back integer, weeks_ahead integer)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    starts timestamptz;
    ends timestamptz;
    name text;
    made integer := 0;
BEGIN
    PERFORM set_config('TimeZone', 'UTC', true);
    FOR week IN -weeks_back .. weeks_ahead LOOP
        starts := date_trunc('week', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
            + make_interval(weeks => week);
        ends := starts + make_interval(weeks => 1);
        name := 'meter_value_' || to_char(starts AT TIME ZONE 'UTC', 'YYYYMMDD');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        LOCK TABLE meter_value_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('CREATE TABLE %I (LIKE meter_value INCLUDING ALL)', name);
        EXECUTE format(
            'WITH moved AS (DELETE FROM meter_value_default WHERE sampled_at >= %L '
            'AND sampled_at < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
            starts, ends, name);
        EXECUTE format(
            'ALTER TABLE meter_value ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            name, starts, ends);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$
"""

_DROP_PARTITIONS = """
CREATE FUNCTION drop_meter_value_partitions(retention_days integer)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    cutoff timestamptz := now() - make_interval(days => greatest(retention_days, 1));
    name text;
    recent boolean;
    dropped integer := 0;
BEGIN
    FOR name IN
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'meter_value'::regclass AND relname ~ '^meter_value_[0-9]{{8}}$'
            AND (to_date(right(relname, 8), 'YYYYMMDD') + 7)::timestamp AT TIME ZONE 'UTC' < cutoff
        ORDER BY relname
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE received_at >= %L)', name, cutoff)
            INTO recent;
        CONTINUE WHEN recent;
        EXECUTE format('DROP TABLE %I', name);
        dropped := dropped + 1;
    END LOOP;
    DELETE FROM meter_value_default WHERE received_at < cutoff;
    RETURN dropped;
END $$
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        op.execute(statement)
    connection = op.get_bind()
    schema = connection.execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for function, arguments in (
        (_MAKE_PARTITIONS, "make_meter_value_partitions(integer, integer)"),
        (_DROP_PARTITIONS, "drop_meter_value_partitions(integer)"),
    ):
        connection.exec_driver_sql(function.format(schema=schema))
        connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {arguments} FROM PUBLIC")
    connection.exec_driver_sql("SELECT make_meter_value_partitions(5, 8)")
