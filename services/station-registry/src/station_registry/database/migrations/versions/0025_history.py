"""Changes of presence and of connector status, by weeks; what ChangeAvailability has set."""

import sqlalchemy as sa
from alembic import op

revision = "0025_history"
down_revision = "0024_sites"
branch_labels = None
depends_on = None

_TABLES = """
CREATE SEQUENCE station_history_id;
CREATE TABLE station_history (
    tenant_id text NOT NULL DEFAULT 'default',
    station_id text COLLATE "C" NOT NULL,
    received_at timestamptz NOT NULL,
    id bigint NOT NULL DEFAULT nextval('station_history_id'),
    stored_at timestamptz NOT NULL DEFAULT now(),
    kind text NOT NULL,
    status text NOT NULL,
    connection_id text NOT NULL,
    epoch bigint NOT NULL,
    reason text,
    gateway_id text,
    evse_id bigint,
    connector_id bigint,
    error_code text,
    info text,
    vendor_id text,
    vendor_error_code text,
    station_time text,
    occurred_at timestamptz,
    clock_flag text,
    CONSTRAINT station_history_pkey PRIMARY KEY (station_id, received_at, id),
    CONSTRAINT station_history_received_at_finite CHECK (isfinite(received_at)),
    CONSTRAINT station_history_stored_at_finite CHECK (isfinite(stored_at)),
    CONSTRAINT station_history_occurred_at_finite CHECK (isfinite(occurred_at))
) PARTITION BY RANGE (received_at);
CREATE TABLE station_history_default PARTITION OF station_history DEFAULT;
CREATE INDEX station_history_default_by_storage ON station_history_default (stored_at);
CREATE TABLE connector_availability (
    tenant_id text NOT NULL DEFAULT 'default',
    station_id text COLLATE "C" NOT NULL,
    connector_id bigint NOT NULL,
    availability text NOT NULL,
    scheduled boolean NOT NULL,
    sent_at timestamptz NOT NULL,
    command_id uuid NOT NULL,
    CONSTRAINT connector_availability_pkey PRIMARY KEY (station_id, connector_id),
    CONSTRAINT connector_availability_sent_at_finite CHECK (isfinite(sent_at))
)
"""

# The service's role owns nothing, so it makes and drops partitions through these two. A week's
# rows that came before its partition are moved out of the default partition.
_MAKE_PARTITIONS = """
CREATE FUNCTION make_station_history_partitions(weeks_back integer, weeks_ahead integer)
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
        name := 'station_history_' || to_char(starts AT TIME ZONE 'UTC', 'YYYYMMDD');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        LOCK TABLE station_history_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('CREATE TABLE %I (LIKE station_history INCLUDING ALL)', name);
        EXECUTE format(
            'WITH moved AS (DELETE FROM station_history_default WHERE received_at >= %L '
            'AND received_at < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
            starts, ends, name);
        EXECUTE format(
            'ALTER TABLE station_history ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            name, starts, ends);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$
"""

# Drops one week that ended before the retention and returns it, or NULL. Any of them, so that one
# that can't be dropped is in nobody's way. The lock is asked for briefly: whoever wants to store
# changes waits behind it.
_DROP_WEEK = """
CREATE FUNCTION drop_station_history_week(retention_days integer)
RETURNS date LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp
SET lock_timeout = '1s' AS $$
DECLARE
    cutoff date := (now() AT TIME ZONE 'UTC')::date - greatest(retention_days, 1);
    due date;
BEGIN
    SELECT week INTO due FROM (
        SELECT to_date(right(relname, 8), 'YYYYMMDD') AS week
        FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'station_history'::regclass AND relname ~ '^station_history_[0-9]{{8}}$'
    ) AS weeks
    WHERE week + 7 <= cutoff ORDER BY random() LIMIT 1;
    IF due IS NOT NULL THEN
        EXECUTE format('DROP TABLE %I', 'station_history_' || to_char(due, 'YYYYMMDD'));
    END IF;
    RETURN due;
END $$
"""


def upgrade() -> None:
    connection = op.get_bind()
    for statement in _TABLES.split(";\n"):
        op.execute(statement)
    schema = connection.execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for function, arguments in (
        (_MAKE_PARTITIONS, "make_station_history_partitions(integer, integer)"),
        (_DROP_WEEK, "drop_station_history_week(integer)"),
    ):
        connection.exec_driver_sql(function.format(schema=schema))
        connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {arguments} FROM PUBLIC")
    connection.exec_driver_sql("SELECT make_station_history_partitions(1, 8)")
