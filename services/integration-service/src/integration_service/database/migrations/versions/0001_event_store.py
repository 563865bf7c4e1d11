"""The event store with its partitions, the feed of the public exchange, replays, the outbox."""

import sqlalchemy as sa
from alembic import op

from csms_shared.db.finite_times import require_finite_times, validate_finite_times

revision = "0001_event_store"
down_revision = None
branch_labels = None
depends_on = None

# Not every PostgreSQL is built with it; the default costs several times its CPU.
_COMPRESSION = """
DO $$ BEGIN
    ALTER TABLE event_segment ALTER COLUMN events SET COMPRESSION lz4;
    ALTER TABLE event_segment_facts ALTER COLUMN events SET COMPRESSION lz4;
    ALTER TABLE event_segment_measurements ALTER COLUMN events SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL;
END $$
"""

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
CREATE TABLE public_deferred (LIKE outbox_deferred INCLUDING ALL);
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
CREATE TABLE event_head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL
);
INSERT INTO event_head (position) VALUES (0);
CREATE TABLE event_segment (
    kept text NOT NULL,
    position bigint NOT NULL,
    first_position bigint NOT NULL,
    tenant_id text NOT NULL,
    keys text[] NOT NULL,
    ids bytea NOT NULL,
    events bytea NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kept, position)
) PARTITION BY LIST (kept);
CREATE INDEX event_segment_keys ON event_segment USING gin (keys)
    WITH (gin_pending_list_limit = 512);
CREATE TABLE event_segment_facts PARTITION OF event_segment FOR VALUES IN ('facts')
    PARTITION BY RANGE (position);
CREATE TABLE event_segment_measurements PARTITION OF event_segment FOR VALUES IN ('measurements')
    PARTITION BY RANGE (position);
CREATE TABLE event_floor (
    kept text PRIMARY KEY,
    position bigint NOT NULL
);
INSERT INTO event_floor VALUES ('facts', 0), ('measurements', 0);
CREATE TABLE event_minute (
    minute timestamptz NOT NULL,
    source text NOT NULL,
    least bigint NOT NULL,
    greatest bigint NOT NULL,
    PRIMARY KEY (minute, source)
);
CREATE TABLE event_type (routing_key text PRIMARY KEY);
CREATE TABLE station_site (
    station_id text PRIMARY KEY,
    site_id text,
    version bigint NOT NULL
);
CREATE TABLE public_feed (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL
);
INSERT INTO public_feed (position) VALUES (0);
CREATE TABLE replay (
    id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    queue text NOT NULL,
    status text NOT NULL,
    types text[] NOT NULL,
    station_id text,
    of_stations boolean NOT NULL,
    from_time timestamptz,
    to_time timestamptz,
    position bigint NOT NULL,
    until bigint NOT NULL,
    events bigint NOT NULL DEFAULT 0,
    problem text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    next_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE INDEX replay_due ON replay (next_at) WHERE status = 'running';
CREATE INDEX replay_of_tenant ON replay (tenant_id, created_at, id);
CREATE INDEX replay_ended ON replay (ended_at) WHERE ended_at IS NOT NULL
"""

# A partition of either kind holds a million positions, so that both end at the same ones. Attached,
# not made in place: readers and writers go on meanwhile.
_MAKE_PARTITIONS = """
CREATE FUNCTION make_event_partitions(up_to bigint)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp
SET lock_timeout = '2s' AS $$
DECLARE
    size CONSTANT bigint := 1000000;
    number bigint := (SELECT position FROM event_head) / size;
    kind text;
    name text;
BEGIN
    up_to := least(up_to, (SELECT position FROM event_head) + 20 * size);
    PERFORM pg_advisory_xact_lock(hashtextextended('csms.event_partitions', 0));
    WHILE number * size <= up_to LOOP
        FOREACH kind IN ARRAY ARRAY['facts', 'measurements'] LOOP
            name := format('event_segment_%s_%s', kind, number);
            CONTINUE WHEN to_regclass(name) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)',
                name, 'event_segment_' || kind);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                'event_segment_' || kind, name, number * size, (number + 1) * size);
        END LOOP;
        number := number + 1;
    END LOOP;
    RETURN number * size;
END $$
"""

# Drops the oldest partition of a kind where its newest segment is older than the retention, and
# nothing more is stored in it; returns its last position, or NULL.
_DROP_PARTITION = """
CREATE FUNCTION drop_event_partition(kind text, retention_days integer)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp
SET lock_timeout = '1s' AS $$
DECLARE
    size CONSTANT bigint := 1000000;
    cutoff timestamptz := now() - make_interval(days => greatest(retention_days, 1));
    number bigint;
    name text;
    newest timestamptz;
BEGIN
    SELECT substring(relname from '_([0-9]+)$')::bigint, relname INTO number, name
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = format('event_segment_%s', kind)::regclass
    ORDER BY 1 LIMIT 1;
    IF number IS NULL OR (number + 1) * size > (SELECT position FROM event_head) THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT stored_at FROM %I ORDER BY position DESC LIMIT 1', name) INTO newest;
    IF newest >= cutoff THEN
        RETURN NULL;
    END IF;
    EXECUTE format('DROP TABLE %I', name);
    -- Where it was empty, nothing is gone that the floor does not tell of already.
    UPDATE event_floor SET position = greatest(position, (number + 1) * size - 1)
    WHERE kept = kind AND newest IS NOT NULL;
    RETURN (number + 1) * size - 1;
END $$
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        op.execute(statement)
    connection = op.get_bind()
    schema = connection.execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for function, arguments in (
        (_MAKE_PARTITIONS, "make_event_partitions(bigint)"),
        (_DROP_PARTITION, "drop_event_partition(text, integer)"),
    ):
        connection.exec_driver_sql(function.format(schema=schema))
        connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {arguments} FROM PUBLIC")
    require_finite_times(connection)
    validate_finite_times(connection, lambda _: None)
    connection.exec_driver_sql(_COMPRESSION)
    connection.exec_driver_sql("SELECT make_event_partitions(2000000)")
