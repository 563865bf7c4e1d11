"""Where stations stand, as it is told to other services: whoever changed it, and each change once.

A program of the release before changes tags and sites without a word: the database notes what has
to be told.
"""

from alembic import op

from station_registry.database import SCHEMA

revision = "0026_places"
down_revision = "0025_history"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE TABLE station_place (
    tenant_id text COLLATE "C" NOT NULL DEFAULT 'default',
    station_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    told boolean NOT NULL DEFAULT false,
    CONSTRAINT station_place_pkey PRIMARY KEY (station_id)
)
""",
    "CREATE INDEX station_place_untold ON station_place (station_id) WHERE NOT told",
    # By the clock, so that a version is above those that were told before a restore, and above that
    # of the station's last place, so that no clock that is set back hides a change.
    """
CREATE FUNCTION note_station_place() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    moved text := CASE WHEN TG_OP = 'DELETE' THEN OLD.station_id ELSE NEW.station_id END;
BEGIN
    INSERT INTO station_place AS place (station_id, version)
    VALUES (moved, extract(epoch FROM clock_timestamp()) * 1000000)
    ON CONFLICT (station_id) DO UPDATE
    SET version = greatest(place.version + 1, excluded.version), told = false;
    RETURN NULL;
END
$$
""",
    """
CREATE TRIGGER station_place_of_new AFTER INSERT ON station FOR EACH ROW
    WHEN (NEW.site_id IS NOT NULL OR NEW.tags <> '{{}}') EXECUTE FUNCTION note_station_place()
""",
    """
CREATE TRIGGER station_place_of_changed AFTER UPDATE OF site_id, tags, deleted_at
    ON station FOR EACH ROW
    WHEN ((OLD.site_id, OLD.tags) IS DISTINCT FROM (NEW.site_id, NEW.tags))
    EXECUTE FUNCTION note_station_place()
""",
    """
CREATE TRIGGER station_place_of_deleted AFTER DELETE ON station FOR EACH ROW
    WHEN (OLD.site_id IS NOT NULL OR OLD.tags <> '{{}}') EXECUTE FUNCTION note_station_place()
""",
    """
INSERT INTO station_place (station_id, version)
SELECT station_id, extract(epoch FROM clock_timestamp()) * 1000000 FROM station
WHERE site_id IS NOT NULL OR tags <> '{{}}' ON CONFLICT DO NOTHING
""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement.format(schema=SCHEMA))
