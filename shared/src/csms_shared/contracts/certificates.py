"""Certificates of stations and what signs them. Times are RFC 3339 UTC with `Z`."""

from typing import Literal

from pydantic import BaseModel, Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.pages import PageQuery
from csms_shared.contracts.requests import OfTenant

CertificateStatus = Literal["issued", "installed", "refused"]
RevocationReason = Literal[
    "unspecified",
    "key_compromise",
    "affiliation_changed",
    "superseded",
    "cessation_of_operation",
    "privilege_withdrawn",
]
RequestStatusName = Literal[
    "rejected", "accepted", "signed", "installed", "refused", "undelivered", "failed"
]


class CertificateView(Contract):
    """A certificate that a station was given.

    `certificate_id` is the hex SHA-256 of its DER. `source`: the built-in authority, the external
    signer, or an operator's own CertificateSigned. `refused`: the station did not take it.
    """

    certificate_id: str
    station_id: str
    source: Literal["builtin", "external", "operator"]
    status: CertificateStatus
    serial_number: str
    subject: str
    issuer: str
    not_before: str
    not_after: str
    issued_at: str
    installed_at: str | None
    revoked_at: str | None
    revocation_reason: str | None
    certificate: str


class CertificateRequestView(Contract):
    """A SignCertificate of a station; `problem` is set where it was rejected.

    `detail` says in words why it was rejected, put off or failed, and that it was the station that
    refused the certificate, or never got it.
    """

    request_id: str
    status: RequestStatusName
    common_name: str | None
    organization: str | None
    problem: str | None
    detail: str | None
    received_at: str
    ended_at: str | None
    certificate_id: str | None


class InstalledCertificateView(Contract):
    """A root certificate in a station's store, with the hash data that OCPP knows it by.

    `certificate` and what is read from it are null where the suite never saw it; hashes are
    null where only the station can tell them (GetInstalledCertificateIds).
    """

    certificate_type: str
    hash_algorithm: str
    issuer_name_hash: str | None
    issuer_key_hash: str | None
    serial_number: str
    subject: str | None
    not_after: str | None
    certificate: str | None
    changed_at: str


class StationCertificatesView(Contract):
    """What is known of one station's certificates; the newest 50 of its own and of its requests.

    `listed_at`: when the station itself listed each type last, by type.
    """

    station_id: str
    certificates: list[CertificateView]
    requests: list[CertificateRequestView]
    installed: list[InstalledCertificateView]
    listed_at: dict[str, str]


class AuthorityView(Contract):
    """The built-in authority: its certificate, and those above it, as PEM."""

    fingerprint: str
    subject: str
    not_before: str
    not_after: str
    certificates: str


class RevocationListView(Contract):
    """The built-in authority's CRL as PEM."""

    crl: str


class HashDataView(Contract):
    """CertificateHashDataType, as OCPP spells it."""

    hashAlgorithm: str  # noqa: N815 - the specification's name
    issuerNameHash: str  # noqa: N815 - the specification's name
    issuerKeyHash: str  # noqa: N815 - the specification's name
    serialNumber: str  # noqa: N815 - the specification's name


class ListCertificates(PageQuery, OfTenant):
    """Filter of the list of certificates that stations were given."""

    station_id: str | None = Field(None, max_length=255)
    status: CertificateStatus | None = None
    revoked: bool | None = None
    expires_within_days: int | None = Field(None, ge=0, le=36_500)


class CertificateName(OfTenant):
    """Names one certificate."""

    certificate_id: str


class RevokeCertificate(OfTenant):
    """Takes a certificate's validity away for good."""

    certificate_id: str
    reason: RevocationReason = "unspecified"


class CertificatesOfStation(OfTenant):
    """Asks for one station's certificates."""

    station_id: str


class FindInstalled(OfTenant):
    """Asks for the hash data of a root certificate in a station's store."""

    station_id: str
    serial_number: str = Field(min_length=1, max_length=40)
    certificate_type: str | None = None


class AuthorityQuery(Contract):
    """Asks for the built-in authority."""


# operation -> parameters; results: Page[CertificateView], CertificateView, CertificateView,
# StationCertificatesView, HashDataView, AuthorityView, RevocationListView.
CERTIFICATE_OPERATIONS: dict[str, type[BaseModel]] = {
    "certificates.list": ListCertificates,
    "certificates.get": CertificateName,
    "certificates.revoke": RevokeCertificate,
    "certificates.of_station": CertificatesOfStation,
    "certificates.hash_data": FindInstalled,
    "certificate_authority.get": AuthorityQuery,
    "certificate_authority.crl": AuthorityQuery,
}
