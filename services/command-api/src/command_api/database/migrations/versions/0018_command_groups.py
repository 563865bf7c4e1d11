"""One command for many stations: a group, and which commands are of it."""

from alembic import op

revision = "0018_command_groups"
down_revision = "0017_scopes"
branch_labels = None
depends_on = None

_INDEXES = {
    "commands_of_group": "UNIQUE INDEX CONCURRENTLY commands_of_group ON commands "
    "(command_group_id, station_id) WHERE command_group_id IS NOT NULL",
    "commands_open_in_group": "INDEX CONCURRENTLY commands_open_in_group ON commands "
    "(command_group_id, status) WHERE command_group_id IS NOT NULL "
    "AND status IN ('waiting', 'pending', 'sent')",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        CREATE TABLE command_group (
            command_group_id uuid PRIMARY KEY,
            tenant_id text COLLATE "C" NOT NULL DEFAULT 'default',
            action text NOT NULL,
            ocpp_version text NOT NULL,
            payload json NOT NULL,
            site_id text,
            tag text,
            station_ids json,
            hold_until timestamptz,
            timeout_ms integer NOT NULL,
            created_by text NOT NULL,
            created_at timestamptz NOT NULL,
            position text,
            expanded_at timestamptz,
            cancelled_at timestamptz,
            completed_at timestamptz,
            counts json,
            CONSTRAINT command_group_hold_until_finite CHECK (isfinite(hold_until)),
            CONSTRAINT command_group_created_at_finite CHECK (isfinite(created_at)),
            CONSTRAINT command_group_expanded_at_finite CHECK (isfinite(expanded_at)),
            CONSTRAINT command_group_cancelled_at_finite CHECK (isfinite(cancelled_at)),
            CONSTRAINT command_group_completed_at_finite CHECK (isfinite(completed_at))
        )
        """
    )
    op.execute(
        "CREATE INDEX command_group_of_tenant ON command_group (tenant_id, command_group_id)"
    )
    op.execute(
        "CREATE INDEX command_group_open ON command_group (command_group_id) "
        "WHERE completed_at IS NULL"
    )
    op.execute("ALTER TABLE commands ADD COLUMN command_group_id uuid")
    with op.get_context().autocommit_block():
        for name, index in _INDEXES.items():
            # One that an interrupted migration has left behind is not valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE {index}")
