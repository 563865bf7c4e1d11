"""Stations, connections and leases, connectors, data transfers, refusals, outbox, parked."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE TABLE station (
    station_id TEXT COLLATE "C" NOT NULL,
    epoch BIGINT DEFAULT '0' NOT NULL,
    released_epoch BIGINT DEFAULT '0' NOT NULL,
    recent_connections TEXT[] DEFAULT '{}' NOT NULL,
    auto_created BOOLEAN DEFAULT false NOT NULL,
    registration_status TEXT NOT NULL,
    registration_decided BOOLEAN DEFAULT false NOT NULL,
    boot_policy TEXT,
    security_profile SMALLINT DEFAULT '0' NOT NULL,
    heartbeat_interval INTEGER,
    strict BOOLEAN DEFAULT false NOT NULL,
    password_hashes BYTEA[] DEFAULT '{}' NOT NULL,
    previous_password_hashes BYTEA[] DEFAULT '{}' NOT NULL,
    ocpp_version TEXT,
    vendor TEXT,
    model TEXT,
    serial_number TEXT,
    charge_box_serial_number TEXT,
    firmware_version TEXT,
    iccid TEXT,
    imsi TEXT,
    meter_type TEXT,
    meter_serial_number TEXT,
    boot_count INTEGER DEFAULT '0' NOT NULL,
    boot_epoch BIGINT DEFAULT '0' NOT NULL,
    boot_seq BIGINT DEFAULT '0' NOT NULL,
    last_boot_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT station_pkey PRIMARY KEY (station_id)
) WITH (fillfactor = 80)
""",
    """
CREATE INDEX station_auto_created
    ON station (station_id)
    WHERE auto_created AND deleted_at IS NULL
""",
    """
CREATE TABLE station_liveness (
    station_id TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT station_liveness_pkey PRIMARY KEY (station_id)
) WITH (fillfactor = 80)
""",
    """
CREATE TABLE station_connection (
    station_id TEXT COLLATE "C" NOT NULL,
    gateway_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    ocpp_version TEXT NOT NULL,
    remote_address TEXT NOT NULL,
    connected_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT station_connection_pkey PRIMARY KEY (station_id)
) WITH (fillfactor = 80)
""",
    """
CREATE INDEX station_connection_by_gateway
    ON station_connection (gateway_id)
""",
    """
CREATE INDEX station_connection_by_time
    ON station_connection (connected_at, station_id)
""",
    """
CREATE TABLE gateway (
    gateway_id TEXT NOT NULL,
    name TEXT NOT NULL,
    connections INTEGER DEFAULT '0' NOT NULL,
    version TEXT DEFAULT '' NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    draining BOOLEAN DEFAULT false NOT NULL,
    lease_expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT gateway_pkey PRIMARY KEY (gateway_id)
) WITH (fillfactor = 80)
""",
    """
CREATE TABLE lease_watch (
    only_row BOOLEAN DEFAULT true NOT NULL,
    looked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT lease_watch_pkey PRIMARY KEY (only_row)
)
""",
    """
CREATE TABLE connector (
    station_id TEXT COLLATE "C" NOT NULL,
    connector_id BIGINT NOT NULL,
    status TEXT NOT NULL,
    error_code TEXT NOT NULL,
    info TEXT,
    vendor_id TEXT,
    vendor_error_code TEXT,
    station_time TEXT,
    epoch BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    connection_id TEXT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT connector_pkey PRIMARY KEY (station_id, connector_id)
) WITH (fillfactor = 80)
""",
    """
CREATE TABLE tolerance (
    station_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    times BIGINT NOT NULL,
    CONSTRAINT tolerance_pkey PRIMARY KEY (station_id, name)
) WITH (fillfactor = 80)
""",
    """
CREATE TABLE data_transfer (
    connection_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    station_id TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    vendor_id TEXT NOT NULL,
    message_id TEXT,
    data TEXT,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT data_transfer_pkey PRIMARY KEY (connection_id, seq)
)
""",
    """
CREATE INDEX data_transfer_by_time
    ON data_transfer (received_at)
""",
    """
CREATE TABLE refusal (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    station_id TEXT COLLATE "C" NOT NULL,
    gateway_id TEXT NOT NULL,
    remote_address TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    http_status INTEGER NOT NULL,
    refused_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT refusal_pkey PRIMARY KEY (id)
)
""",
    """
CREATE INDEX refusal_by_time
    ON refusal (refused_at)
""",
    """
CREATE UNIQUE INDEX refusal_content
    ON refusal (station_id, refused_at, gateway_id, remote_address, reason)
""",
    """
CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    routing_key TEXT NOT NULL,
    events BYTEA NOT NULL,
    event_count INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
)
""",
    """
CREATE INDEX outbox_unpublished
    ON outbox (id)
    WHERE published_at IS NULL
""",
    """
CREATE TABLE parked (
    id UUID NOT NULL,
    queue TEXT NOT NULL,
    type TEXT NOT NULL,
    body BYTEA NOT NULL,
    station_id TEXT,
    error TEXT NOT NULL,
    parked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    replayed_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
)
""",
    """
CREATE INDEX parked_by_time
    ON parked (parked_at)
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
