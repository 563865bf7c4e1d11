"""Events of certificates. Times are RFC 3339 UTC with `Z`."""

from pydantic import Field

from csms_shared.contracts.certificates import RevocationReason
from csms_shared.contracts.envelope import Contract, Open
from csms_shared.contracts.event_data.fields import (
    CertificateId,
    NotAfter,
    SerialNumber,
    StationId,
)


class CertificateInstalled(Contract):
    """A station took the certificate that was signed for it."""

    station_id: StationId
    certificate_id: CertificateId
    serial_number: SerialNumber


class CertificateDated(CertificateInstalled):
    """A station's certificate, and when it ends."""

    not_after: NotAfter


class CertificateRevoked(CertificateInstalled):
    """A station's certificate counts no more."""

    revoked_at: str = Field(description="when it was revoked, RFC 3339")
    reason: Open[RevocationReason] = Field(description="why, as RFC 5280 spells it")


class AuthorityExpiring(Contract):
    """A certificate authority ends soon."""

    fingerprint: str = Field(description="SHA-256 of its certificate in hexadecimal digits")
    subject: str = Field(description="its name")
    not_after: NotAfter


class RootExpiring(Contract):
    """A root certificate in a station ends soon."""

    station_id: StationId
    certificate_type: str = Field(description="what it is for, as OCPP spells it")
    serial_number: SerialNumber
    not_after: NotAfter


class StoreChanged(Contract):
    """A root certificate is in a station's store, or is not any more."""

    station_id: StationId
    certificate_type: str = Field(description="what it is for, as OCPP spells it")
    serial_number: SerialNumber
    present: bool = Field(description="whether the station has it now")
