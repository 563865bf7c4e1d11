"""Security profiles: the upgrade under way, and the serial number that an operator registered."""

from alembic import op

revision = "0007_security_profiles"
down_revision = "0006_configuration"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
ALTER TABLE station
    ADD COLUMN upgrade_profile SMALLINT,
    ADD COLUMN upgrade_accepted BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN IF NOT EXISTS registered_serial_number TEXT COLLATE "C"
""",
    """
CREATE UNIQUE INDEX station_registered_serial_number
    ON station (registered_serial_number)
    WHERE deleted_at IS NULL
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
