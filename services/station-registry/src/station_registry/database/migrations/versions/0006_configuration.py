"""Last known configuration of stations, and templates of wanted values."""

from alembic import op

revision = "0006_configuration"
down_revision = "0005_flight_recorder"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE TABLE configuration_value (
    station_id TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    value TEXT,
    readonly BOOLEAN,
    known BOOLEAN NOT NULL,
    known_at TIMESTAMP WITH TIME ZONE,
    changed_to TEXT,
    change_status TEXT,
    changed_at TIMESTAMP WITH TIME ZONE,
    ordered_to TEXT,
    ordered_until TIMESTAMP WITH TIME ZONE,
    order_id UUID,
    CONSTRAINT configuration_value_pkey PRIMARY KEY (station_id, key)
) WITH (fillfactor = 80)
""",
    """
CREATE INDEX configuration_value_ordered
    ON configuration_value (order_id)
    WHERE order_id IS NOT NULL
""",
    """
CREATE TABLE configuration_template (
    template_id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    wanted JSON NOT NULL,
    station_ids TEXT[] NOT NULL,
    vendor TEXT,
    model TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT configuration_template_pkey PRIMARY KEY (template_id)
)
""",
    """
CREATE UNIQUE INDEX configuration_template_name
    ON configuration_template (name)
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
