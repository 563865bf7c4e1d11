"""A station that is deleted leaves no availability to the next of its id.

Programs of the release before delete a station, and make it anew, without a word of what
ChangeAvailability has set.
"""

from alembic import op

from station_registry.database import SCHEMA

revision = "0027_forgotten_availability"
down_revision = "0026_places"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE FUNCTION forget_set_availability() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
    DELETE FROM connector_availability a WHERE a.station_id = OLD.station_id;
    RETURN NULL;
END
$$
""",
    """
CREATE TRIGGER set_availability_of_deleted AFTER UPDATE OF deleted_at ON station FOR EACH ROW
    WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
    EXECUTE FUNCTION forget_set_availability()
""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement.format(schema=SCHEMA))
