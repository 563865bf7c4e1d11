"""Sites, what operators say of stations and connectors, and the stations of each tag.

Older programs go on with a station as if none of that were there; what lists are filtered by is
kept by the database, whoever writes the station.
"""

from alembic import op

from station_registry.database import SCHEMA

revision = "0024_sites"
down_revision = "0023_evses"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE TABLE site (
    tenant_id text COLLATE "C" NOT NULL DEFAULT 'default',
    site_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    address text,
    city text,
    postal_code text,
    country text,
    latitude double precision,
    longitude double precision,
    time_zone text,
    opening_hours json,
    notes text,
    tags text[] NOT NULL DEFAULT '{{}}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT site_pkey PRIMARY KEY (tenant_id, site_id),
    CONSTRAINT site_created_at_finite CHECK (isfinite(created_at)),
    CONSTRAINT site_updated_at_finite CHECK (isfinite(updated_at))
)
""",
    """
CREATE TABLE connector_hardware (
    tenant_id text COLLATE "C" NOT NULL DEFAULT 'default',
    station_id text COLLATE "C" NOT NULL,
    evse_id bigint NOT NULL,
    connector_id bigint NOT NULL,
    plug_type text,
    max_power_w integer,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT connector_hardware_pkey PRIMARY KEY (station_id, evse_id, connector_id),
    CONSTRAINT connector_hardware_updated_at_finite CHECK (isfinite(updated_at))
)
""",
    """
CREATE TABLE station_tag (
    tenant_id text COLLATE "C" NOT NULL DEFAULT 'default',
    station_id text COLLATE "C" NOT NULL,
    tag text COLLATE "C" NOT NULL,
    CONSTRAINT station_tag_pkey PRIMARY KEY (station_id, tag)
)
""",
    "CREATE INDEX station_tag_by_tag ON station_tag (tenant_id, tag, station_id)",
    """
ALTER TABLE configuration_template
    ADD COLUMN site_ids text[] NOT NULL DEFAULT '{{}}',
    ADD COLUMN tags text[] NOT NULL DEFAULT '{{}}'
""",
    # Lists lock the narrow table first, too.
    'ALTER TABLE station_listing ADD COLUMN site_id text COLLATE "C"',
    # Holds no row yet, so that it is made in the time that a narrow table is read.
    """
CREATE INDEX station_listing_by_site ON station_listing (site_id, station_id)
    WHERE site_id IS NOT NULL
""",
    # No row is rewritten: the defaults are constants.
    """
ALTER TABLE station
    ADD COLUMN site_id text COLLATE "C",
    ADD COLUMN display_name text,
    ADD COLUMN tags text[] NOT NULL DEFAULT '{{}}',
    ADD COLUMN installed_on date
        CONSTRAINT station_installed_on_finite CHECK (isfinite(installed_on)),
    ADD COLUMN commissioned_on date
        CONSTRAINT station_commissioned_on_finite CHECK (isfinite(commissioned_on)),
    ADD COLUMN phase_count smallint,
    ADD COLUMN max_current_a double precision
""",
    r"""
CREATE OR REPLACE FUNCTION keep_station_listing() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.deleted_at IS NOT NULL THEN
        DELETE FROM station_listing l WHERE l.station_id = OLD.station_id;
        RETURN NULL;
    END IF;
    INSERT INTO station_listing AS l (station_id, registration_status, vendor, search, site_id)
    VALUES (
        NEW.station_id, NEW.registration_status, NEW.vendor,
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
    ON CONFLICT (station_id) DO UPDATE SET registration_status = excluded.registration_status,
        vendor = excluded.vendor, search = excluded.search, site_id = excluded.site_id;
    RETURN NULL;
END
$$
""",
    """
CREATE OR REPLACE TRIGGER station_listing_of_changed
    AFTER UPDATE OF registration_status, vendor, model, serial_number, charge_box_serial_number,
        deleted_at, display_name, site_id
    ON station FOR EACH ROW
    WHEN ((OLD.registration_status, OLD.vendor, OLD.model, OLD.serial_number,
           OLD.charge_box_serial_number, OLD.deleted_at, OLD.display_name, OLD.site_id)
          IS DISTINCT FROM
          (NEW.registration_status, NEW.vendor, NEW.model, NEW.serial_number,
           NEW.charge_box_serial_number, NEW.deleted_at, NEW.display_name, NEW.site_id))
    EXECUTE FUNCTION keep_station_listing()
""",
    """
CREATE FUNCTION keep_station_tags() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM station_tag g WHERE g.station_id = OLD.station_id;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.deleted_at IS NULL THEN
        INSERT INTO station_tag (station_id, tag) SELECT NEW.station_id, unnest(NEW.tags)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$
""",
    """
CREATE TRIGGER station_tags_of_new AFTER INSERT ON station
    FOR EACH ROW WHEN (NEW.tags <> '{{}}') EXECUTE FUNCTION keep_station_tags()
""",
    """
CREATE TRIGGER station_tags_of_deleted AFTER DELETE ON station
    FOR EACH ROW WHEN (OLD.tags <> '{{}}') EXECUTE FUNCTION keep_station_tags()
""",
    """
CREATE TRIGGER station_tags_of_changed AFTER UPDATE OF tags, deleted_at ON station FOR EACH ROW
    WHEN ((OLD.tags, OLD.deleted_at) IS DISTINCT FROM (NEW.tags, NEW.deleted_at))
    EXECUTE FUNCTION keep_station_tags()
""",
    # Older programs delete a station, and make it anew, without a word of what describes it.
    """
CREATE FUNCTION forget_station_description() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
    DELETE FROM connector_hardware h WHERE h.station_id = OLD.station_id;
    NEW.site_id := NULL;
    NEW.display_name := NULL;
    NEW.tags := '{{}}';
    NEW.installed_on := NULL;
    NEW.commissioned_on := NULL;
    NEW.phase_count := NULL;
    NEW.max_current_a := NULL;
    RETURN NEW;
END
$$
""",
    """
CREATE TRIGGER station_description_of_deleted BEFORE UPDATE OF deleted_at ON station FOR EACH ROW
    WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
    EXECUTE FUNCTION forget_station_description()
""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement.format(schema=SCHEMA))
