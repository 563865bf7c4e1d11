"""Recorded frames in daily partitions; refusals counted per station, address, reason and hour."""

import sqlalchemy as sa
from alembic import op

revision = "0005_flight_recorder"
down_revision = "0004_certificates"
branch_labels = None
depends_on = None

# The body is compressed already.
_RECORDING = """
CREATE TABLE recording (
    recording_id uuid NOT NULL,
    gateway_id text NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    frames integer NOT NULL,
    stations integer[] NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT recording_pkey PRIMARY KEY (last_at, recording_id)
) PARTITION BY RANGE (last_at);
ALTER TABLE recording ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX recording_stations ON recording USING gin (stations);
CREATE TABLE recording_default PARTITION OF recording DEFAULT
"""

# The service's role owns nothing, so it makes and drops partitions through these two. A day's
# rows that came before its partition are moved out of the default partition.
_MAKE_PARTITIONS = """
CREATE FUNCTION make_recording_partitions(days_back integer, days_ahead integer)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    starts timestamptz;
    ends timestamptz;
    name text;
    made integer := 0;
BEGIN
    PERFORM set_config('TimeZone', 'UTC', true);
    FOR day IN -days_back .. days_ahead LOOP
        starts := date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
            + make_interval(days => day);
        ends := starts + make_interval(days => 1);
        name := 'recording_' || to_char(starts AT TIME ZONE 'UTC', 'YYYYMMDD');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        LOCK TABLE recording_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('CREATE TABLE %I (LIKE recording INCLUDING ALL)', name);
        EXECUTE format(
            'WITH moved AS (DELETE FROM recording_default WHERE last_at >= %L '
            'AND last_at < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
            starts, ends, name);
        EXECUTE format(
            'ALTER TABLE recording ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            name, starts, ends);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$
"""

_DROP_PARTITIONS = """
CREATE FUNCTION drop_recording_partitions(retention_days integer)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    cutoff timestamptz := now() - make_interval(days => greatest(retention_days, 1));
    name text;
    dropped integer := 0;
BEGIN
    FOR name IN
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'recording'::regclass AND relname ~ '^recording_[0-9]{{8}}$'
            AND (to_date(right(relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC' < cutoff
        ORDER BY relname
    LOOP
        EXECUTE format('DROP TABLE %I', name);
        dropped := dropped + 1;
    END LOOP;
    DELETE FROM recording_default WHERE received_at < cutoff;
    RETURN dropped;
END $$
"""

# Rows of before count one refusal each. The period begins at a whole hour.
_REFUSALS = """
ALTER TABLE refusal
    ADD COLUMN times integer NOT NULL DEFAULT 1,
    ADD COLUMN first_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN period_at timestamptz NOT NULL DEFAULT now();
UPDATE refusal SET first_at = refused_at, period_at = refused_at;
CREATE UNIQUE INDEX refusal_of_period
    ON refusal (station_id, remote_address, reason, gateway_id, period_at);
CREATE INDEX refusal_by_station ON refusal (station_id, refused_at);
DROP INDEX refusal_content
"""


def upgrade() -> None:
    for statement in (*_RECORDING.split(";\n"), *_REFUSALS.split(";\n")):
        op.execute(statement)
    connection = op.get_bind()
    schema = connection.execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for function, arguments in (
        (_MAKE_PARTITIONS, "make_recording_partitions(integer, integer)"),
        (_DROP_PARTITIONS, "drop_recording_partitions(integer)"),
    ):
        connection.exec_driver_sql(function.format(schema=schema))
        connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {arguments} FROM PUBLIC")
    connection.exec_driver_sql("SELECT make_recording_partitions(1, 3)")
