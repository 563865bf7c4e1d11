"""When root certificates in stations end, and which ends were told."""

import sqlalchemy as sa
from alembic import op
from cryptography import x509

revision = "0009_expiry_of_roots"
down_revision = "0008_password_reboots"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
ALTER TABLE installed_certificate
    ADD COLUMN not_after TIMESTAMPTZ,
    ADD COLUMN expiring_told_at TIMESTAMPTZ
""",
    """
CREATE INDEX installed_certificate_expiring
    ON installed_certificate (not_after)
    WHERE expiring_told_at IS NULL AND present
""",
    "ALTER TABLE certificate_authority ADD COLUMN expiring_told_at TIMESTAMPTZ",
)
_PEMS = sa.text("SELECT DISTINCT pem FROM installed_certificate WHERE pem IS NOT NULL")
_SET = sa.text("UPDATE installed_certificate SET not_after = :not_after WHERE pem = :pem")


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
    connection = op.get_bind()
    for (pem,) in connection.execute(_PEMS).all():
        # It could be read when it was stored.
        certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
        connection.execute(_SET, {"not_after": certificate.not_valid_after_utc, "pem": pem})
