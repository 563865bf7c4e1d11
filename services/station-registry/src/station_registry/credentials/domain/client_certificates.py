"""A station's client certificate: read, then judged against whose it must be.

Its chain, and whether its issuer's list says that it was revoked, were judged where TLS ended
(docs/adr/0018); what it says of its owner (security whitepaper, A00.FR.404 and 405, 2.6.1), and
whether it was revoked here, are judged here.
"""

import base64
import binascii
import hashlib
from collections.abc import Container
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID

# A00.FR.502 and 503: as strong as a symmetric key of 112 bits.
_LEAST_RSA_BITS = 2048
_LEAST_CURVE_BITS = 224


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What counts of a certificate; times in seconds since the Unix epoch."""

    common_names: tuple[str, ...]
    organizations: tuple[str, ...]
    valid_from_s: float
    valid_until_s: float
    strong_key: bool
    revoked: bool = False


def fingerprint_of(encoded: str) -> str | None:
    """Return the hex SHA-256 of the DER, by which certificates are stored; None: no base64."""
    try:
        return hashlib.sha256(base64.b64decode(encoded, validate=True)).hexdigest()
    except (binascii.Error, ValueError):
        return None


def read_certificate(encoded: str, revoked: Container[str] = ()) -> ClientCertificate | None:
    """Read base64 of DER; None where it is no certificate. `revoked`: fingerprints."""
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(encoded, validate=True))
        subject = certificate.subject
        return ClientCertificate(
            _values(subject, NameOID.COMMON_NAME),
            _values(subject, NameOID.ORGANIZATION_NAME),
            certificate.not_valid_before_utc.timestamp(),
            certificate.not_valid_after_utc.timestamp(),
            _is_strong(certificate),
            fingerprint_of(encoded) in revoked,
        )
    except (binascii.Error, ValueError, x509.InvalidVersion):
        return None


def certificate_problem(
    certificate: ClientCertificate | None,
    station_id: str,
    registered_serial_number: str | None,
    operator_name: str,
    now_s: float,
) -> str | None:
    """Return why the certificate is not this station's, None where it is.

    The common name is the serial number that an operator registered, or the station's id: never
    one that the station says of itself.
    """
    if not operator_name:
        return "CSMS_OPERATOR_NAME is not set: whose certificates count is not known"
    if certificate is None:
        return "the client certificate can't be read"
    if len(certificate.common_names) != 1:
        return "the client certificate must have one common name (CN)"
    if certificate.common_names[0] not in {station_id, registered_serial_number}:
        return (
            f"the client certificate is that of {certificate.common_names[0]!r}: its common name "
            "(CN) is neither the station's id nor its registered serial number"
        )
    if operator_name not in certificate.organizations:
        return (
            f"the client certificate's organization (O) is {_listed(certificate.organizations)}, "
            "not the operator"
        )
    if not certificate.strong_key:
        return "the client certificate's key is too short, or of a kind that does not count"
    if certificate.revoked:
        return "the client certificate was revoked here"
    if now_s < certificate.valid_from_s:
        return "the client certificate is not valid yet"
    if now_s > certificate.valid_until_s:
        return "the client certificate has expired"
    return None


def _values(name: x509.Name, kind: x509.ObjectIdentifier) -> tuple[str, ...]:
    values = (attribute.value for attribute in name.get_attributes_for_oid(kind))
    return tuple(value if isinstance(value, str) else value.hex() for value in values)


def _is_strong(certificate: x509.Certificate) -> bool:
    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm:
        return False
    if isinstance(key, RSAPublicKey):
        return key.key_size >= _LEAST_RSA_BITS
    return isinstance(key, EllipticCurvePublicKey) and key.key_size >= _LEAST_CURVE_BITS


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(repr, names)) or "empty"
