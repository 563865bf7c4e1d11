"""Commands, idempotency keys, accounts, audit, outbox and parked items."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE commands (
            command_id uuid PRIMARY KEY,
            station_id text NOT NULL,
            action text NOT NULL,
            ocpp_version text NOT NULL,
            payload json NOT NULL,
            status text NOT NULL CHECK (status IN ('waiting', 'pending', 'sent', 'completed',
                'error', 'station_offline', 'expired', 'outcome_unknown')),
            created_by text NOT NULL,
            created_at timestamptz NOT NULL,
            deadline timestamptz NOT NULL,
            held boolean NOT NULL,
            attempts smallint NOT NULL,
            lookup_again boolean NOT NULL DEFAULT false,
            refusal text,
            accepted boolean,
            response json,
            error json,
            sent_at timestamptz,
            completed_at timestamptz,
            transaction_id bigint,
            wanted_token text,
            wanted_connector bigint,
            rotation_proofs json,
            rotation_applied text
        )
        """
    )
    op.execute("CREATE INDEX commands_of_station ON commands (station_id, command_id)")
    op.execute("CREATE INDEX commands_of_action ON commands (action, command_id)")
    op.execute(
        "CREATE INDEX commands_not_completed ON commands (status, command_id) "
        "WHERE status <> 'completed'"
    )
    op.execute("CREATE INDEX commands_waiting ON commands (station_id) WHERE status = 'waiting'")
    op.execute(
        "CREATE INDEX commands_remote_starts ON commands (station_id, created_at) "
        "WHERE wanted_token IS NOT NULL AND transaction_id IS NULL"
    )
    op.execute(
        "CREATE INDEX commands_rotations ON commands (command_id) WHERE rotation_proofs IS NOT NULL"
    )
    op.execute(
        """
        CREATE TABLE idempotency_keys (
            principal text NOT NULL,
            key text NOT NULL,
            request_hash bytea NOT NULL,
            command_id uuid NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (principal, key)
        )
        """
    )
    op.execute("CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at)")
    op.execute(
        """
        CREATE TABLE transaction_starts (
            transaction_id bigint PRIMARY KEY,
            station_id text NOT NULL,
            id_token text NOT NULL,
            connector_id bigint NOT NULL,
            seen_at timestamptz NOT NULL,
            command_id uuid
        )
        """
    )
    op.execute(
        "CREATE INDEX transaction_starts_unclaimed ON transaction_starts (station_id) "
        "WHERE command_id IS NULL"
    )
    op.execute("CREATE INDEX transaction_starts_by_time ON transaction_starts (seen_at)")
    op.execute(
        """
        CREATE TABLE users (
            username text PRIMARY KEY,
            password_hash text NOT NULL,
            role text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
            version integer NOT NULL DEFAULT 1,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute(
        """
        CREATE TABLE api_keys (
            id uuid PRIMARY KEY,
            name text NOT NULL UNIQUE,
            role text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
            key_hash bytea NOT NULL UNIQUE,
            created_by text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute(
        """
        CREATE TABLE audit (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            at timestamptz NOT NULL DEFAULT now(),
            principal text NOT NULL,
            role text NOT NULL,
            address text NOT NULL,
            method text NOT NULL,
            path text NOT NULL,
            status smallint
        )
        """
    )
    op.execute("CREATE INDEX audit_by_time ON audit (at)")
    op.execute(
        """
        CREATE TABLE outbox (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            routing_key text NOT NULL,
            events bytea NOT NULL,
            event_count integer NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            published_at timestamptz
        )
        """
    )
    op.execute("CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL")
    op.execute(
        """
        CREATE TABLE parked (
            id uuid PRIMARY KEY,
            queue text NOT NULL,
            type text NOT NULL,
            body bytea NOT NULL,
            station_id text,
            error text NOT NULL,
            parked_at timestamptz NOT NULL DEFAULT now(),
            replayed_at timestamptz
        )
        """
    )
    op.execute("CREATE INDEX parked_by_time ON parked (parked_at)")
