"""What is known of stations, and who holds their sockets."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from station_registry.database.metadata import metadata, station_id_column

# A deleted station keeps its row: its epoch must go on growing if it ever comes back.
# `recent_connections`: newest first, each with an epoch one lower than the one before.
# `connection_profile`: the security profile that the connection of `epoch` really met.
station = Table(
    "station",
    metadata,
    station_id_column(),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
    Column("released_epoch", BigInteger, nullable=False, server_default="0"),
    Column("recent_connections", ARRAY(Text), nullable=False, server_default="{}"),
    Column("auto_created", Boolean, nullable=False, server_default=text("false")),
    Column("registration_status", Text, nullable=False),
    Column("registration_decided", Boolean, nullable=False, server_default=text("false")),
    Column("boot_policy", Text),
    Column("security_profile", SmallInteger, nullable=False, server_default="0"),
    Column("connection_profile", SmallInteger, nullable=False, server_default="0"),
    # A higher profile that counts besides, until the first connection with it.
    Column("upgrade_profile", SmallInteger),
    Column("upgrade_accepted", Boolean, nullable=False, server_default=text("false")),
    Column("registered_serial_number", Text(collation="C")),
    # Rises with each change of what gateways are told of it, so that they know the newer one.
    Column("registration_version", BigInteger, nullable=False, server_default="1"),
    Column("heartbeat_interval", Integer),
    Column("strict", Boolean, nullable=False, server_default=text("false")),
    Column("exempt_from_limits", Boolean, nullable=False, server_default=text("false")),
    Column("password_hashes", ARRAY(LargeBinary), nullable=False, server_default="{}"),
    Column("previous_password_hashes", ARRAY(LargeBinary), nullable=False, server_default="{}"),
    Column("either_password", Boolean, nullable=False, server_default=text("false")),
    # When the station said that a new password takes a reboot, and when it last took a Reset.
    Column("password_reboot_at", DateTime(True)),
    Column("reset_at", DateTime(True)),
    # The commands that asked for a new one, the newest last, and by when that one has ended.
    Column("password_rotations", ARRAY(Uuid), nullable=False, server_default="{}"),
    Column("password_rotation_until", DateTime(True)),
    Column("ocpp_version", Text),
    Column("vendor", Text),
    Column("model", Text),
    Column("serial_number", Text),
    Column("charge_box_serial_number", Text),
    Column("firmware_version", Text),
    Column("iccid", Text),
    Column("imsi", Text),
    Column("meter_type", Text),
    Column("meter_serial_number", Text),
    Column("boot_count", Integer, nullable=False, server_default="0"),
    Column("boot_epoch", BigInteger, nullable=False, server_default="0"),
    Column("boot_seq", BigInteger, nullable=False, server_default="0"),
    Column("last_boot_at", DateTime(True)),
    Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("deleted_at", DateTime(True)),
    PrimaryKeyConstraint("station_id", name="station_pkey"),
    Index(
        "station_auto_created",
        "station_id",
        postgresql_where=text("auto_created AND deleted_at IS NULL"),
    ),
    # Two stations must not be let in by one certificate.
    Index(
        "station_registered_serial_number",
        "registered_serial_number",
        unique=True,
        postgresql_where=text("deleted_at IS NULL"),
    ),
)

# Of every station that is not deleted, what lists are filtered by; triggers on `station` keep it.
# `search`: the texts that are looked into, in lower case, a unit separator between them.
station_listing = Table(
    "station_listing",
    metadata,
    station_id_column(),
    Column("registration_status", Text, nullable=False),
    Column("vendor", Text),
    Column("search", Text(collation="C"), nullable=False),
    PrimaryKeyConstraint("station_id", name="station_listing_pkey"),
)

# Apart from `station`, because it changes far more often and only ever grows.
station_liveness = Table(
    "station_liveness",
    metadata,
    station_id_column(),
    Column("epoch", BigInteger, nullable=False),
    Column("last_seen_at", DateTime(True), nullable=False),
    PrimaryKeyConstraint("station_id", name="station_liveness_pkey"),
)

station_connection = Table(
    "station_connection",
    metadata,
    station_id_column(),
    Column("gateway_id", Text, nullable=False),
    Column("connection_id", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("ocpp_version", Text, nullable=False),
    Column("remote_address", Text, nullable=False),
    Column("connected_at", DateTime(True), nullable=False),
    PrimaryKeyConstraint("station_id", name="station_connection_pkey"),
    Index("station_connection_by_gateway", "gateway_id"),
    Index("station_connection_by_time", "connected_at", "station_id"),
)

# `ended_at`: connections were taken from this gateway because its lease had run out.
# `doubted_at`: when it was last found away, or granted a lease unasked; a renewal ends the doubt.
gateway = Table(
    "gateway",
    metadata,
    Column("gateway_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("connections", Integer, nullable=False, server_default="0"),
    Column("version", Text, nullable=False, server_default=""),
    Column("started_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("draining", Boolean, nullable=False, server_default=text("false")),
    Column("lease_expires_at", DateTime(True), nullable=False),
    Column("ended_at", DateTime(True)),
    Column("doubted_at", DateTime(True)),
    PrimaryKeyConstraint("gateway_id", name="gateway_pkey"),
)

# One row: when leases were last looked at. A gap means that nobody could renew either.
lease_watch = Table(
    "lease_watch",
    metadata,
    Column("only_row", Boolean, nullable=False, server_default=text("true")),
    Column("looked_at", DateTime(True), nullable=False),
    PrimaryKeyConstraint("only_row", name="lease_watch_pkey"),
)

connector = Table(
    "connector",
    metadata,
    station_id_column(),
    Column("connector_id", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("info", Text),
    Column("vendor_id", Text),
    Column("vendor_error_code", Text),
    Column("station_time", Text),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("connection_id", Text, nullable=False),
    Column("received_at", DateTime(True), nullable=False),
    PrimaryKeyConstraint("station_id", "connector_id", name="connector_pkey"),
)

# How often each deviation of a station was forgiven; a message handled twice counts twice.
tolerance = Table(
    "tolerance",
    metadata,
    station_id_column(),
    Column("name", Text(collation="C"), nullable=False),
    Column("times", BigInteger, nullable=False),
    PrimaryKeyConstraint("station_id", "name", name="tolerance_pkey"),
)

data_transfer = Table(
    "data_transfer",
    metadata,
    Column("connection_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    station_id_column(),
    Column("epoch", BigInteger, nullable=False),
    Column("vendor_id", Text, nullable=False),
    Column("message_id", Text),
    Column("data", Text),
    Column("received_at", DateTime(True), nullable=False),
    PrimaryKeyConstraint("connection_id", "seq", name="data_transfer_pkey"),
    Index("data_transfer_by_time", "received_at"),
)
