"""Tenants, and how many stations each has: counted by the database, whoever writes a station."""

from alembic import op

from station_registry.database import SCHEMA

revision = "0028_tenant_table"
down_revision = "0027_forgotten_availability"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE TABLE tenant (
    tenant_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active',
    party_id text,
    country_code text,
    time_zone text,
    max_stations integer,
    max_requests_per_s integer,
    stations bigint NOT NULL DEFAULT 0,
    disconnect_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tenant_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT tenant_disconnect_until_finite CHECK (isfinite(disconnect_until)),
    CONSTRAINT tenant_created_at_finite CHECK (isfinite(created_at)),
    CONSTRAINT tenant_updated_at_finite CHECK (isfinite(updated_at))
)
""",
    # No row is rewritten: the default is a constant.
    """
ALTER TABLE station ADD COLUMN IF NOT EXISTS tenant_id text COLLATE "C" NOT NULL DEFAULT 'default'
""",
    """
CREATE FUNCTION count_stations_of_tenants() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE tenant t SET stations = t.stations + d.stations
        FROM (SELECT n.tenant_id, count(*) AS stations FROM new_stations n
              WHERE n.deleted_at IS NULL GROUP BY 1) AS d
        WHERE t.tenant_id = d.tenant_id;
    ELSIF TG_OP = 'DELETE' THEN
        UPDATE tenant t SET stations = t.stations - d.stations
        FROM (SELECT o.tenant_id, count(*) AS stations FROM old_stations o
              WHERE o.deleted_at IS NULL GROUP BY 1) AS d
        WHERE t.tenant_id = d.tenant_id;
    ELSE
        UPDATE tenant t SET stations = t.stations + d.stations
        FROM (SELECT s.tenant_id, sum(s.more) AS stations FROM (VALUES
                  (OLD.tenant_id, CASE WHEN OLD.deleted_at IS NULL THEN -1 ELSE 0 END),
                  (NEW.tenant_id, CASE WHEN NEW.deleted_at IS NULL THEN 1 ELSE 0 END)
              ) AS s (tenant_id, more) GROUP BY 1) AS d
        WHERE t.tenant_id = d.tenant_id AND d.stations <> 0;
    END IF;
    RETURN NULL;
END
$$
""",
    """
CREATE TRIGGER stations_of_tenants_new AFTER INSERT ON station
    REFERENCING NEW TABLE AS new_stations
    FOR EACH STATEMENT EXECUTE FUNCTION count_stations_of_tenants()
""",
    """
CREATE TRIGGER stations_of_tenants_gone AFTER DELETE ON station
    REFERENCING OLD TABLE AS old_stations
    FOR EACH STATEMENT EXECUTE FUNCTION count_stations_of_tenants()
""",
    # For each row: a trigger that names columns has no table of rows, and without their names each
    # claim would pay for it.
    """
CREATE TRIGGER stations_of_tenants_changed AFTER UPDATE OF deleted_at, tenant_id ON station
    FOR EACH ROW
    WHEN ((OLD.tenant_id, OLD.deleted_at IS NULL)
          IS DISTINCT FROM (NEW.tenant_id, NEW.deleted_at IS NULL))
    EXECUTE FUNCTION count_stations_of_tenants()
""",
    # Nobody writes stations until the commit. The listing has a narrow row for each.
    """
INSERT INTO tenant (tenant_id, name, stations) SELECT 'default', 'Default', count(*)
FROM station_listing
""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement.format(schema=SCHEMA))
