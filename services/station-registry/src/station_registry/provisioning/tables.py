"""The table of stations: one row each, of which every block that decides on stations has a part."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
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

from csms_shared.values.tenants import DEFAULT_TENANT
from station_registry.database.metadata import metadata, station_id_column, tenant_id_column

# A deleted station keeps its row: its epoch must go on growing if it ever comes back.
# `recent_connections`: newest first, each with an epoch one lower than the one before.
# `connection_profile`: the security profile that the connection of `epoch` really met.
station = Table(
    "station",
    metadata,
    station_id_column(),
    tenant_id_column(),
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
    # Where it stands and what it is, as operators say.
    Column("site_id", Text(collation="C")),
    Column("display_name", Text),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("installed_on", Date),
    Column("commissioned_on", Date),
    Column("phase_count", SmallInteger),
    Column("max_current_a", Double),
    PrimaryKeyConstraint("station_id", name="station_pkey"),
    Index(
        "station_auto_created",
        "station_id",
        postgresql_where=text("auto_created AND deleted_at IS NULL"),
    ),
    Index(
        "station_of_tenant",
        "tenant_id",
        "station_id",
        postgresql_where=text("deleted_at IS NULL"),
    ),
    Index(
        "station_of_other_tenants",
        "station_id",
        postgresql_where=text(f"tenant_id <> '{DEFAULT_TENANT}'"),
    ),
    # Two stations must not be let in by one certificate.
    Index(
        "station_registered_serial_number",
        "registered_serial_number",
        unique=True,
        postgresql_where=text("deleted_at IS NULL"),
    ),
)
