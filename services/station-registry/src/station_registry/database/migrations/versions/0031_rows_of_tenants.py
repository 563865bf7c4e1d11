"""Rows name their tenant, or are seen where the station, job or rollout that they belong to is."""

from alembic import op

from station_registry.database import SCHEMA

revision = "0031_rows_of_tenants"
down_revision = "0030_cancelled_jobs"
branch_labels = None
depends_on = None

# A constant default: no row is written anew, and what older programs write is of that tenant.
_OF_TENANT = "ADD COLUMN IF NOT EXISTS tenant_id text COLLATE \"C\" NOT NULL DEFAULT 'default'"
_TABLES = (
    "certificate",
    "certificate_request",
    "configuration_template",
    "data_transfer",
    "firmware_rollout",
    "refusal",
    "security_event",
    "station_connection",
    "station_job",
)
# What the database keeps of stations has the tenant that each has now.
_TRIGGERS = (
    r"""
CREATE OR REPLACE FUNCTION keep_station_listing() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.deleted_at IS NOT NULL THEN
        DELETE FROM station_listing l WHERE l.station_id = OLD.station_id;
        RETURN NULL;
    END IF;
    INSERT INTO station_listing AS l
        (station_id, tenant_id, registration_status, vendor, search, site_id)
    VALUES (
        NEW.station_id, NEW.tenant_id, NEW.registration_status, NEW.vendor,
        concat_ws(
            E'\x1f',
            station_search(
                NEW.station_id, NEW.vendor, NEW.model, NEW.serial_number,
                NEW.charge_box_serial_number
            ),
            lower(NEW.display_name COLLATE "default")
        ),
        NEW.site_id
    )
    ON CONFLICT (station_id) DO UPDATE SET tenant_id = excluded.tenant_id,
        registration_status = excluded.registration_status, vendor = excluded.vendor,
        search = excluded.search, site_id = excluded.site_id;
    RETURN NULL;
END
$$
""",
    """
CREATE OR REPLACE TRIGGER station_listing_of_changed
    AFTER UPDATE OF registration_status, vendor, model, serial_number, charge_box_serial_number,
        deleted_at, display_name, site_id, tenant_id
    ON station FOR EACH ROW
    WHEN ((OLD.registration_status, OLD.vendor, OLD.model, OLD.serial_number,
           OLD.charge_box_serial_number, OLD.deleted_at, OLD.display_name, OLD.site_id,
           OLD.tenant_id)
          IS DISTINCT FROM
          (NEW.registration_status, NEW.vendor, NEW.model, NEW.serial_number,
           NEW.charge_box_serial_number, NEW.deleted_at, NEW.display_name, NEW.site_id,
           NEW.tenant_id))
    EXECUTE FUNCTION keep_station_listing()
""",
    """
CREATE OR REPLACE FUNCTION keep_station_tags() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM station_tag g WHERE g.station_id = OLD.station_id;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.deleted_at IS NULL THEN
        INSERT INTO station_tag (tenant_id, station_id, tag)
        SELECT NEW.tenant_id, NEW.station_id, unnest(NEW.tags) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$
""",
    """
CREATE OR REPLACE TRIGGER station_tags_of_changed
    AFTER UPDATE OF tags, deleted_at, tenant_id ON station FOR EACH ROW
    WHEN ((OLD.tags, OLD.deleted_at, OLD.tenant_id)
          IS DISTINCT FROM (NEW.tags, NEW.deleted_at, NEW.tenant_id))
    EXECUTE FUNCTION keep_station_tags()
""",
    """
CREATE OR REPLACE FUNCTION note_station_place() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    moved text := CASE WHEN TG_OP = 'DELETE' THEN OLD.station_id ELSE NEW.station_id END;
    owner text := CASE WHEN TG_OP = 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
BEGIN
    INSERT INTO station_place AS place (tenant_id, station_id, version)
    VALUES (owner, moved, extract(epoch FROM clock_timestamp()) * 1000000)
    ON CONFLICT (station_id) DO UPDATE SET tenant_id = excluded.tenant_id,
        version = greatest(place.version + 1, excluded.version), told = false;
    RETURN NULL;
END
$$
""",
    """
CREATE OR REPLACE TRIGGER station_place_of_changed
    AFTER UPDATE OF site_id, tags, deleted_at, tenant_id ON station FOR EACH ROW
    WHEN ((OLD.site_id, OLD.tags, OLD.tenant_id)
          IS DISTINCT FROM (NEW.site_id, NEW.tags, NEW.tenant_id))
    EXECUTE FUNCTION note_station_place()
""",
)
# What is of the station as it is now has no column: it goes with the station to whoever has it. The
# policies ask for the station as the role that reads, so that its own policies hold there.
# `requests.sql` calls this for each, for the roles are not known here; idempotent.
_SECURE = """
CREATE OR REPLACE FUNCTION secure_by_parent(
    service regrole, requests regrole, child regclass, parent regclass, key text
) RETURNS void LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_policy WHERE polrelid = child AND requests = ANY(polroles)) THEN
        RETURN;
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', child);
    EXECUTE format('CREATE POLICY %I ON %s TO %s USING (true) WITH CHECK (true)',
        'all_rows_' || service, child, service);
    EXECUTE format('CREATE POLICY %I ON %s TO %s USING (EXISTS (SELECT FROM %s AS parent '
        'WHERE parent.%I = %s.%I))', 'own_rows_' || requests, child, requests, parent, key,
        child, key);
END $$
"""
# Lists of a tenant go by indexes of its own, however much the others have.
_INDEXES = {
    "station_of_other_tenants": "station (station_id) WHERE tenant_id <> 'default'",
    "certificate_of_tenant": "certificate (tenant_id, fingerprint)",
    "configuration_template_of_tenant": "configuration_template (tenant_id, name)",
    "firmware_rollout_of_tenant": "firmware_rollout (tenant_id, rollout_id)",
    "refusal_of_tenant": "refusal (tenant_id, refused_at, id)",
    "security_event_of_tenant": "security_event (tenant_id, received_at, event_id)",
    "station_job_of_tenant": "station_job (tenant_id, job_id)",
    "station_listing_of_tenant": "station_listing (tenant_id, station_id)",
    "station_listing_of_tenant_by_site": "station_listing (tenant_id, site_id, station_id) "
    "WHERE site_id IS NOT NULL",
}


def upgrade() -> None:
    # Each table by itself: whoever has locked two of them in another order would wait for this.
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = '5s'")
        for table in _TABLES:
            op.execute(f"ALTER TABLE {table} {_OF_TENANT}")
        # Lists lock the narrow table first, too.
        op.execute(f"ALTER TABLE station_listing {_OF_TENANT}")
        for statement in _TRIGGERS:
            op.execute(statement.format(schema=SCHEMA))
        op.execute("RESET lock_timeout")
        for name, rows in _INDEXES.items():
            # One that an interrupted migration has left behind is not valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {rows}")
    op.execute(_SECURE.format(schema=SCHEMA))
