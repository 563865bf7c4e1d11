"""Security events, certificate requests and certificates, authorities, stations' root stores."""

from alembic import op

revision = "0004_certificates"
down_revision = "0003_rollouts"
branch_labels = None
depends_on = None

_STATEMENTS = (
    'ALTER TABLE station ADD COLUMN IF NOT EXISTS registered_serial_number TEXT COLLATE "C"',
    "ALTER TABLE station ADD COLUMN either_password BOOLEAN DEFAULT false NOT NULL",
    "ALTER TABLE station ADD COLUMN connection_profile SMALLINT DEFAULT '0' NOT NULL",
    """
CREATE TABLE security_event (
    event_id UUID NOT NULL,
    station_id TEXT COLLATE "C" NOT NULL,
    source TEXT NOT NULL,
    type TEXT NOT NULL,
    critical BOOLEAN NOT NULL,
    detail TEXT,
    station_time TEXT,
    occurred_at TIMESTAMP WITH TIME ZONE,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    epoch BIGINT,
    seq BIGINT,
    CONSTRAINT security_event_pkey PRIMARY KEY (event_id)
)
""",
    """
CREATE INDEX security_event_by_station
    ON security_event (station_id, received_at, event_id)
""",
    """
CREATE INDEX security_event_by_time
    ON security_event (received_at, event_id)
""",
    """
CREATE TABLE certificate_request (
    request_id UUID NOT NULL,
    station_id TEXT COLLATE "C" NOT NULL,
    csr TEXT NOT NULL,
    public_key_digest TEXT,
    common_name TEXT,
    organization TEXT,
    status TEXT NOT NULL,
    problem TEXT,
    detail TEXT,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    next_attempt_at TIMESTAMP WITH TIME ZONE,
    fingerprint TEXT,
    order_id UUID,
    deliveries INTEGER DEFAULT '0' NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT certificate_request_pkey PRIMARY KEY (request_id)
)
""",
    """
CREATE INDEX certificate_request_by_fingerprint
    ON certificate_request (fingerprint)
""",
    """
CREATE INDEX certificate_request_by_station
    ON certificate_request (station_id, received_at, request_id)
""",
    """
CREATE INDEX certificate_request_by_time
    ON certificate_request (received_at)
""",
    """
CREATE INDEX certificate_request_due
    ON certificate_request (next_attempt_at)
    WHERE status = 'accepted'
""",
    """
CREATE UNIQUE INDEX certificate_request_open
    ON certificate_request (station_id)
    WHERE status IN ('accepted', 'signed')
""",
    """
CREATE TABLE certificate (
    fingerprint TEXT NOT NULL,
    station_id TEXT COLLATE "C" NOT NULL,
    source TEXT NOT NULL,
    authority TEXT,
    serial_number TEXT NOT NULL,
    subject TEXT NOT NULL,
    issuer TEXT NOT NULL,
    not_before TIMESTAMP WITH TIME ZONE NOT NULL,
    not_after TIMESTAMP WITH TIME ZONE NOT NULL,
    pem TEXT NOT NULL,
    chain TEXT NOT NULL,
    status TEXT NOT NULL,
    issued_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    installed_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    revocation_reason TEXT,
    expiring_told_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT certificate_pkey PRIMARY KEY (fingerprint)
)
""",
    """
CREATE INDEX certificate_by_serial
    ON certificate (serial_number)
""",
    """
CREATE INDEX certificate_by_station
    ON certificate (station_id, not_before)
""",
    """
CREATE INDEX certificate_by_time
    ON certificate (issued_at, fingerprint)
""",
    """
CREATE INDEX certificate_expiring
    ON certificate (not_after)
    WHERE expiring_told_at IS NULL AND revoked_at IS NULL
""",
    """
CREATE TABLE certificate_authority (
    fingerprint TEXT NOT NULL,
    subject TEXT NOT NULL,
    not_before TIMESTAMP WITH TIME ZONE NOT NULL,
    not_after TIMESTAMP WITH TIME ZONE NOT NULL,
    pem TEXT NOT NULL,
    first_used_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT certificate_authority_pkey PRIMARY KEY (fingerprint)
)
""",
    """
CREATE TABLE installed_certificate (
    station_id TEXT COLLATE "C" NOT NULL,
    certificate_type TEXT NOT NULL,
    hash_algorithm TEXT NOT NULL,
    issuer_name_hash TEXT NOT NULL,
    issuer_key_hash TEXT NOT NULL,
    serial_number TEXT NOT NULL,
    present BOOLEAN NOT NULL,
    pem TEXT,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    command_id TEXT NOT NULL,
    CONSTRAINT installed_certificate_pkey PRIMARY KEY (
        station_id, certificate_type, hash_algorithm, issuer_name_hash, issuer_key_hash,
        serial_number
    )
)
""",
    """
CREATE TABLE certificate_listing (
    station_id TEXT COLLATE "C" NOT NULL,
    certificate_type TEXT NOT NULL,
    listed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    command_id TEXT NOT NULL,
    CONSTRAINT certificate_listing_pkey PRIMARY KEY (station_id, certificate_type)
)
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
