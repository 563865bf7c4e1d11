"""Tables of certificates of stations, from the request to the end."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from station_registry.database.metadata import metadata, station_id_column, tenant_id_column

certificate_request = Table(
    "certificate_request",
    metadata,
    Column("request_id", Uuid, nullable=False),
    station_id_column(),
    tenant_id_column(),
    Column("csr", Text, nullable=False),
    Column("public_key_digest", Text),
    Column("common_name", Text),
    Column("organization", Text),
    Column("status", Text, nullable=False),
    Column("problem", Text),
    Column("detail", Text),
    Column("received_at", DateTime(True), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", DateTime(True)),
    Column("fingerprint", Text),
    Column("order_id", Uuid),
    Column("deliveries", Integer, nullable=False, server_default="0"),
    Column("ended_at", DateTime(True)),
    PrimaryKeyConstraint("request_id", name="certificate_request_pkey"),
    # At most one open request of a station, whatever happens at once.
    Index(
        "certificate_request_open",
        "station_id",
        unique=True,
        postgresql_where=text("status IN ('accepted', 'signed')"),
    ),
    Index(
        "certificate_request_due",
        "next_attempt_at",
        postgresql_where=text("status = 'accepted'"),
    ),
    Index("certificate_request_by_fingerprint", "fingerprint"),
    Index("certificate_request_by_station", "station_id", "received_at", "request_id"),
    Index("certificate_request_by_time", "received_at"),
)

# Certificates that stations were given. `authority` is the fingerprint of the built-in issuer.
certificate = Table(
    "certificate",
    metadata,
    Column("fingerprint", Text, nullable=False),
    station_id_column(),
    tenant_id_column(),
    Column("source", Text, nullable=False),
    Column("authority", Text),
    Column("serial_number", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("not_before", DateTime(True), nullable=False),
    Column("not_after", DateTime(True), nullable=False),
    Column("pem", Text, nullable=False),
    Column("chain", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("issued_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("installed_at", DateTime(True)),
    Column("revoked_at", DateTime(True)),
    Column("revocation_reason", Text),
    Column("expiring_told_at", DateTime(True)),
    PrimaryKeyConstraint("fingerprint", name="certificate_pkey"),
    Index("certificate_of_tenant", "tenant_id", "fingerprint"),
    Index("certificate_by_serial", "serial_number"),
    Index("certificate_by_station", "station_id", "not_before"),
    Index("certificate_by_time", "issued_at", "fingerprint"),
    Index(
        "certificate_expiring",
        "not_after",
        postgresql_where=text("expiring_told_at IS NULL AND revoked_at IS NULL"),
    ),
)

# Every built-in authority that ever signed here; its key is in no table.
certificate_authority = Table(
    "certificate_authority",
    metadata,
    Column("fingerprint", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("not_before", DateTime(True), nullable=False),
    Column("not_after", DateTime(True), nullable=False),
    Column("pem", Text, nullable=False),
    Column("first_used_at", DateTime(True), nullable=False, server_default=func.now()),
    Column("expiring_told_at", DateTime(True)),
    PrimaryKeyConstraint("fingerprint", name="certificate_authority_pkey"),
)

# Root certificates in a station's store; rows that are not `present` keep what is known.
installed_certificate = Table(
    "installed_certificate",
    metadata,
    station_id_column(),
    Column("certificate_type", Text, nullable=False),
    Column("hash_algorithm", Text, nullable=False),
    Column("issuer_name_hash", Text, nullable=False),
    Column("issuer_key_hash", Text, nullable=False),
    Column("serial_number", Text, nullable=False),
    Column("present", Boolean, nullable=False),
    Column("pem", Text),
    Column("changed_at", DateTime(True), nullable=False),
    Column("command_id", Text, nullable=False),
    Column("not_after", DateTime(True)),
    Column("expiring_told_at", DateTime(True)),
    PrimaryKeyConstraint(
        "station_id",
        "certificate_type",
        "hash_algorithm",
        "issuer_name_hash",
        "issuer_key_hash",
        "serial_number",
        name="installed_certificate_pkey",
    ),
    Index(
        "installed_certificate_expiring",
        "not_after",
        postgresql_where=text("expiring_told_at IS NULL AND present"),
    ),
)

certificate_listing = Table(
    "certificate_listing",
    metadata,
    station_id_column(),
    Column("certificate_type", Text, nullable=False),
    Column("listed_at", DateTime(True), nullable=False),
    Column("command_id", Text, nullable=False),
    PrimaryKeyConstraint("station_id", "certificate_type", name="certificate_listing_pkey"),
)
