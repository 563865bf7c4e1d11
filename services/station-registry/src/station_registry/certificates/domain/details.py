"""What a certificate says of itself: names, times, and the hash data that OCPP knows it by."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from csms_shared.values.texts import fit
from csms_shared.values.times import bounded
from station_registry.certificates.domain.requests import public_key_digest

_HASHES: dict[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
}
# What `cryptography` raises for what it can't read.
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
)


@dataclass(frozen=True, slots=True)
class HashData:
    """CertificateHashDataType (whitepaper 6.1), hashes in lower case, serial number in upper."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str


@dataclass(frozen=True, slots=True)
class CertificateDetails:
    """A certificate in plain words; `fingerprint` is the hex SHA-256 of its DER."""

    serial_number: str
    fingerprint: str
    subject: str
    issuer: str
    common_name: str | None
    not_before: datetime
    not_after: datetime
    public_key_digest: str | None
    pem: str


def serial_text(serial_number: int) -> str:
    """Return a serial number as OCPP spells it: hexadecimal without leading zeroes."""
    return f"{serial_number:X}"


def normal_serial(text: str) -> str:
    """Return a serial number as a station or an operator sent it in the one form we store."""
    return text.strip().upper().lstrip("0") or "0"


def read_certificates(pem: str) -> list[x509.Certificate]:
    """Return the certificates in a PEM text in its order, none where it can't be read."""
    try:
        return x509.load_pem_x509_certificates(pem.encode("ascii"))
    except UNREADABLE:
        return []


def details(certificate: x509.Certificate) -> CertificateDetails | None:
    """Return what a certificate says, None where part of it can't be read."""
    try:
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        key = certificate.public_key()
        return CertificateDetails(
            serial_text(certificate.serial_number),
            hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
            fit(certificate.subject.rfc4514_string(), 1000) or "",
            fit(certificate.issuer.rfc4514_string(), 1000) or "",
            fit(names[0].value, 255) if names else None,
            bounded(certificate.not_valid_before_utc),
            bounded(certificate.not_valid_after_utc),
            public_key_digest(key)
            if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
            else None,
            pem_of([certificate]),
        )
    except UNREADABLE:
        return None


def pem_of(certificates: Sequence[x509.Certificate]) -> str:
    """Return certificates as one PEM text."""
    return "".join(one.public_bytes(Encoding.PEM).decode("ascii") for one in certificates)


def hash_data(
    certificate: x509.Certificate, issuer: x509.Certificate | None, hash_algorithm: str
) -> HashData | None:
    """Return the hash data of a certificate (RFC 6960, 4.1.1); None without its issuer's key.

    `issuer` may be left out for a certificate that issued itself.
    """
    if issuer is None:
        if certificate.subject != certificate.issuer:
            return None
        issuer = certificate
    try:
        request = ocsp.OCSPRequestBuilder().add_certificate(
            certificate, issuer, _HASHES[hash_algorithm]()
        )
        built = request.build()
    except UNREADABLE:
        return None
    return HashData(
        hash_algorithm,
        built.issuer_name_hash.hex(),
        built.issuer_key_hash.hex(),
        serial_text(certificate.serial_number),
    )
