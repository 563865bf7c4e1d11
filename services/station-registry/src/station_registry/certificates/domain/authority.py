"""The built-in certificate authority: its own certificate, stations' certificates, its CRL.

X.509 as of RFC 5280, keys and signatures as of the OCPP 1.6 security whitepaper, edition 3, 2.6.1.
Nothing of a station's request goes into its certificate but the key and the two checked names.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from station_registry.certificates.domain.requests import SigningRequest

AuthorityKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

AUTHORITY_YEARS = 20
# A station whose clock is slow must not see a certificate of the future (A02.FR.06).
BACKDATED = timedelta(minutes=10)
CRL_DAYS = 7
# RFC 5280, 5.3.1, as far as REST offers them.
REVOCATION_REASONS = {
    "unspecified": x509.ReasonFlags.unspecified,
    "key_compromise": x509.ReasonFlags.key_compromise,
    "affiliation_changed": x509.ReasonFlags.affiliation_changed,
    "superseded": x509.ReasonFlags.superseded,
    "cessation_of_operation": x509.ReasonFlags.cessation_of_operation,
    "privilege_withdrawn": x509.ReasonFlags.privilege_withdrawn,
}


class UnfitAuthority(Exception):
    """The certificate and key given as the authority's can't be used, and this is why."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A key that signs, its certificate, and the certificates above that one, root last."""

    key: AuthorityKey
    certificate: x509.Certificate
    above: tuple[x509.Certificate, ...] = ()

    @property
    def intermediates(self) -> tuple[x509.Certificate, ...]:
        """What a station needs besides its own certificate: all but a root."""
        chain = (self.certificate, *self.above)
        return tuple(one for one in chain if one.subject != one.issuer)


def new_authority(key: AuthorityKey, organization: str, now: datetime) -> Authority:
    """Return a root that may issue stations' certificates, and no other authorities."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, "Charging station authority"),
        ]
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=365 * AUTHORITY_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
    )
    return Authority(key, builder.sign(key, hashes.SHA256(), rsa_padding=_padding(key)))


def issue(
    authority: Authority, request: SigningRequest, serial_number: int, days: int, now: datetime
) -> x509.Certificate:
    """Return the station's certificate; it ends no later than its issuer's."""
    key = x509.load_pem_x509_csr(request.pem.encode()).public_key()
    issuer = authority.certificate
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, request.organization),
            x509.NameAttribute(NameOID.COMMON_NAME, request.common_name),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject)
        .public_key(key)
        .serial_number(serial_number)
        .not_valid_before(max(now - BACKDATED, issuer.not_valid_before_utc))
        .not_valid_after(min(now + timedelta(days=days), issuer.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_issuer_identifier(issuer), critical=False)
    )
    return builder.sign(authority.key, hashes.SHA256(), rsa_padding=_padding(authority.key))


@dataclass(frozen=True, slots=True)
class Revocation:
    """A certificate that no longer counts."""

    serial_number: int
    revoked_at: datetime
    reason: str


def revocation_list(
    authority: Authority, revocations: Iterable[Revocation], now: datetime
) -> x509.CertificateRevocationList:
    """Return the CRL (RFC 5280, 5); its number is the time in milliseconds, which only grows."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now)
        .next_update(now + timedelta(days=CRL_DAYS))
        .add_extension(x509.CRLNumber(round(now.timestamp() * 1000)), critical=False)
        .add_extension(_issuer_identifier(authority.certificate), critical=False)
    )
    for revocation in revocations:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(revocation.serial_number)
            .revocation_date(revocation.revoked_at.astimezone(UTC))
        )
        # RFC 5280, 5.3.1: no reason rather than "unspecified".
        if revocation.reason != "unspecified":
            reason = REVOCATION_REASONS[revocation.reason]
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(authority.key, hashes.SHA256(), rsa_padding=_padding(authority.key))


def _issuer_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(
            issuer.public_key()  # type: ignore[arg-type]
        )
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _padding(key: AuthorityKey) -> padding.PSS | None:
    """Return what A00.FR.505 asks of RSA signatures."""
    if isinstance(key, rsa.RSAPrivateKey):
        return padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    return None


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
