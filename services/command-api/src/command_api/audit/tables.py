"""The audit: what was asked for, and how it ended. The service's role may only add to both."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)

from command_api.database.metadata import metadata

# Written before anything is done.
audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("tenant_id", Text, nullable=False, server_default=text("'default'")),
    Column("at", DateTime(True), nullable=False, server_default=func.now()),
    Column("principal", Text, nullable=False),
    # What people read; NULL in entries of releases that did not note it.
    Column("principal_name", Text),
    Column("role", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    # NULL in entries of releases that completed them in place.
    Column("request_id", Text),
    # `stations` and the station's id; no id where the request makes something.
    Column("target_type", Text),
    Column("target_id", Text),
    # The body, and the resource as it was.
    Column("asked", JSON),
    Column("before", JSON),
    # Of entries of releases that completed them in place.
    Column("status", SmallInteger),
    Column("outcome", JSON),
    Index("audit_by_time", "at"),
    Index("audit_of_tenant", "tenant_id", "at", "id"),
    Index("audit_of_principal", "principal", "at"),
    Index("audit_of_target", "target_id", "at", postgresql_where=text("target_id IS NOT NULL")),
)

# Written after it; an entry without one was cut off.
audit_outcome = Table(
    "audit_outcome",
    metadata,
    Column("audit_id", ForeignKey(audit.c.id, ondelete="CASCADE"), primary_key=True),
    Column("tenant_id", Text, nullable=False, server_default=text("'default'")),
    Column("at", DateTime(True), nullable=False, server_default=func.now()),
    Column("status", SmallInteger, nullable=False),
    # Of what was made.
    Column("target_id", Text),
    # The resource as the answer shows it; of a bulk action its counts.
    Column("after", JSON),
    Column("outcome", JSON),
    Index("audit_outcome_of_target", "target_id", postgresql_where=text("target_id IS NOT NULL")),
)
