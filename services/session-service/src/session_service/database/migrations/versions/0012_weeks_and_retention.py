"""On which days values of each week came, turns of upkeep, and indexes for what is too old."""

import sqlalchemy as sa
from alembic import op

revision = "0012_weeks_and_retention"
down_revision = "0011_deferred_events"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE upkeep_turn (
    task text PRIMARY KEY,
    began_at timestamptz NOT NULL,
    CONSTRAINT upkeep_turn_began_at_finite CHECK (isfinite(began_at))
);
CREATE TABLE meter_value_week (
    week date,
    received_on date,
    PRIMARY KEY (week, received_on),
    CONSTRAINT meter_value_week_week_finite CHECK (isfinite(week)),
    CONSTRAINT meter_value_week_received_on_finite CHECK (isfinite(received_on))
)
"""

# What the weeks of before were last given is not known without a look at all their rows: today.
_KNOWN_WEEKS = """
INSERT INTO meter_value_week (week, received_on)
SELECT to_date(right(relname, 8), 'YYYYMMDD'), (now() AT TIME ZONE 'UTC')::date
FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'meter_value'::regclass AND relname ~ '^meter_value_[0-9]{8}$'
"""

# Drops one week that ended, and got its last value, before the retention; returns it, or NULL. Any
# of them, so that one that can't be dropped is in nobody's way. The lock is asked for briefly:
# whoever wants to store values waits behind it. Under it nobody is about to give the week a value,
# so it is judged once more.
_DROP_WEEK = """
CREATE FUNCTION drop_meter_value_week(retention_days integer)
RETURNS date LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp
SET lock_timeout = '1s' AS $$
DECLARE
    cutoff date := (now() AT TIME ZONE 'UTC')::date - greatest(retention_days, 1);
    due date;
BEGIN
    DELETE FROM meter_value_week WHERE received_on < cutoff;
    SELECT week INTO due FROM (
        SELECT to_date(right(relname, 8), 'YYYYMMDD') AS week
        FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'meter_value'::regclass AND relname ~ '^meter_value_[0-9]{{8}}$'
    ) AS weeks
    WHERE week + 7 < cutoff
        AND NOT EXISTS (SELECT FROM meter_value_week AS given WHERE given.week = weeks.week)
    ORDER BY random() LIMIT 1;
    IF due IS NULL THEN
        RETURN NULL;
    END IF;
    LOCK TABLE ONLY meter_value IN ACCESS EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM meter_value_week AS given WHERE given.week = due) THEN
        RETURN NULL;
    END IF;
    EXECUTE format('DROP TABLE %I', 'meter_value_' || to_char(due, 'YYYYMMDD'));
    RETURN due;
END $$
"""

_INDEXES = (
    "stop_by_receipt ON stop (received_at)",
    "quarantine_closed ON quarantine (received_at) WHERE status <> 'open'",
    "meter_value_default_by_receipt ON meter_value_default (received_at)",
)


def upgrade() -> None:
    for statement in (*_TABLES.split(";\n"), _KNOWN_WEEKS):
        op.get_bind().exec_driver_sql(statement)
    connection = op.get_bind()
    schema = connection.execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    connection.exec_driver_sql(_DROP_WEEK.format(schema=schema))
    connection.exec_driver_sql("REVOKE ALL ON FUNCTION drop_meter_value_week(integer) FROM PUBLIC")
    with op.get_context().autocommit_block():
        for index in _INDEXES:
            name = index.split()[0]
            # One that was interrupted is there, and is of no use.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {index}")
