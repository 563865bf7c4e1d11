"""What lists of stations are filtered by, in a narrow table that the database itself keeps.

Whoever writes a station, of whatever version, has its row here written with it.
"""

from alembic import op

from station_registry.database import SCHEMA

revision = "0018_station_listing"
down_revision = "0017_upkeep_turns"
branch_labels = None
depends_on = None

# Instances of the version before write while this is rolled out, before they are granted anything
# on the new table: the trigger has its owner's rights. A unit separator stands between the texts,
# so that nothing is found across two of them.
_STATEMENTS = (
    """
CREATE TABLE station_listing (
    station_id TEXT COLLATE "C" NOT NULL,
    registration_status TEXT NOT NULL,
    vendor TEXT,
    search TEXT COLLATE "C" NOT NULL,
    CONSTRAINT station_listing_pkey PRIMARY KEY (station_id)
)
""",
    r"""
CREATE FUNCTION station_search(
    station_id text, vendor text, model text, serial_number text, charge_box_serial_number text
) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT lower(concat_ws(
        E'\x1f', station_id, vendor, model,
        coalesce(nullif(serial_number, ''), charge_box_serial_number)
    ) COLLATE "default")
$$
""",
    """
CREATE FUNCTION keep_station_listing() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.deleted_at IS NOT NULL THEN
        DELETE FROM station_listing l WHERE l.station_id = OLD.station_id;
        RETURN NULL;
    END IF;
    INSERT INTO station_listing AS l (station_id, registration_status, vendor, search)
    VALUES (
        NEW.station_id, NEW.registration_status, NEW.vendor,
        station_search(
            NEW.station_id, NEW.vendor, NEW.model, NEW.serial_number,
            NEW.charge_box_serial_number
        )
    )
    ON CONFLICT (station_id) DO UPDATE SET registration_status = excluded.registration_status,
        vendor = excluded.vendor, search = excluded.search;
    RETURN NULL;
END
$$
""",
    """
CREATE TRIGGER station_listing_of_new AFTER INSERT ON station
    FOR EACH ROW WHEN (NEW.deleted_at IS NULL) EXECUTE FUNCTION keep_station_listing()
""",
    """
CREATE TRIGGER station_listing_of_deleted AFTER DELETE ON station
    FOR EACH ROW EXECUTE FUNCTION keep_station_listing()
""",
    # Claims name none of these columns, and boots change them once in a station's life.
    """
CREATE TRIGGER station_listing_of_changed
    AFTER UPDATE OF registration_status, vendor, model, serial_number, charge_box_serial_number,
        deleted_at
    ON station FOR EACH ROW
    WHEN ((OLD.registration_status, OLD.vendor, OLD.model, OLD.serial_number,
           OLD.charge_box_serial_number, OLD.deleted_at)
          IS DISTINCT FROM
          (NEW.registration_status, NEW.vendor, NEW.model, NEW.serial_number,
           NEW.charge_box_serial_number, NEW.deleted_at))
    EXECUTE FUNCTION keep_station_listing()
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement.format(schema=SCHEMA))
