"""Certificate signing requests of stations: what they hold, and whether they may be signed.

OCPP 1.6 security whitepaper, edition 3: A02, A03, and the properties of certificates in 2.6.1.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from csms_shared.values.texts import fit, is_storable

# A00.FR.502, A00.FR.503. The upper bound keeps a check of a signature cheap.
_RSA_BITS = range(2048, 8193)
# At least 224 bits, and a curve that BSI TR-02102-1 recommends or NIST SP 800-186 keeps.
_CURVES = (
    ec.SECP224R1,
    ec.SECP256R1,
    ec.SECP384R1,
    ec.SECP521R1,
    ec.BrainpoolP256R1,
    ec.BrainpoolP384R1,
    ec.BrainpoolP512R1,
)
DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
# SignCertificate.req: string[0..5500].
CSR_MAX_CHARS = 5500
# RFC 5280, appendix A.1: ub-common-name; a longer one can't be in a certificate.
NAME_MAX_CHARS = 64
# What `cryptography` raises for what it can't read; the tests mutate requests to hold this.
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)


class RequestProblem(StrEnum):
    """Why a request is Rejected, as it is stored and told."""

    PROFILE_TOO_LOW = "profile_too_low"
    SIGNING_NOT_SET_UP = "signing_not_set_up"
    AUTHORITY_UNUSABLE = "authority_unusable"
    REQUEST_OPEN = "request_open"
    UNREADABLE = "unreadable"
    SIGNATURE_INVALID = "signature_invalid"
    DIGEST_UNSUITABLE = "digest_unsuitable"
    KEY_UNSUITABLE = "key_unsuitable"
    COMMON_NAME_WRONG = "common_name_wrong"
    ORGANIZATION_WRONG = "organization_wrong"


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """A request whose signature proves that its sender has the private key.

    `public_key_digest`: hex SHA-256 of the DER of SubjectPublicKeyInfo.
    """

    pem: str
    public_key_digest: str
    common_name: str
    organization: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that is not signed; `detail` says it in words for an operator."""

    problem: RequestProblem
    detail: str


@dataclass(frozen=True, slots=True)
class AskingStation:
    """What a request is decided on.

    `security_profile` is that of the connection the request came by; `open_key_digest` is the key
    of the station's request that has not come to its end yet.
    """

    station_id: str
    security_profile: int
    serial_number: str | None
    open_key_digest: str | None


@dataclass(frozen=True, slots=True)
class SigningPolicy:
    """Who certificates are issued for; `ready`: there is something that signs.

    `problem`: why it can't sign now, as far as that is known before it is asked to.
    """

    organization: str
    ready: bool
    problem: str | None = None


def decide_request(
    station: AskingStation, csr: str, policy: SigningPolicy
) -> SigningRequest | Refused:
    """Say whether to sign; the cheapest checks come first.

    The request that is open already, sent again, is no second one: its answer was lost.
    """
    if station.security_profile < 1:
        return Refused(
            RequestProblem.PROFILE_TOO_LOW,
            "the connection is unauthenticated (security profile 0)",
        )
    if not policy.ready or not policy.organization:
        return Refused(
            RequestProblem.SIGNING_NOT_SET_UP,
            "CSMS_OPERATOR_NAME with a certificate authority or signer is not set",
        )
    if policy.problem is not None:
        return Refused(RequestProblem.AUTHORITY_UNUSABLE, policy.problem)
    request = read_request(csr)
    if isinstance(request, Refused):
        return request
    if station.open_key_digest is not None and (
        station.open_key_digest != request.public_key_digest
    ):
        return Refused(RequestProblem.REQUEST_OPEN, "an earlier request is still being processed")
    return _of_this_station(request, station, policy)


def read_request(csr: str) -> SigningRequest | Refused:
    """Read a PEM request (RFC 2986), and check its key and its proof of possession.

    Whatever `csr` holds, this raises nothing.
    """
    if len(csr) > CSR_MAX_CHARS:
        return Refused(RequestProblem.UNREADABLE, f"longer than {CSR_MAX_CHARS} characters")
    try:
        return _checked(x509.load_pem_x509_csr(csr.encode("ascii")))
    except _UNREADABLE as error:
        return Refused(
            RequestProblem.UNREADABLE, fit(f"not a readable request: {error}", 300) or ""
        )


def _checked(csr: x509.CertificateSigningRequest) -> SigningRequest | Refused:
    key = csr.public_key()
    if problem := key_problem(key):
        return Refused(RequestProblem.KEY_UNSUITABLE, problem)
    digest = csr.signature_hash_algorithm
    if not isinstance(digest, DIGESTS):
        name = "no" if digest is None else digest.name
        return Refused(RequestProblem.DIGEST_UNSUITABLE, f"{name} digest; SHA-256 or better is due")
    if not csr.is_signature_valid:
        return Refused(RequestProblem.SIGNATURE_INVALID, "not signed with its own key")
    common_name, organization = (
        _only(csr.subject, kind) for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
    )
    if common_name is None:
        return Refused(RequestProblem.COMMON_NAME_WRONG, "the subject must hold exactly one CN")
    if organization is None:
        return Refused(RequestProblem.ORGANIZATION_WRONG, "the subject must hold exactly one O")
    return SigningRequest(
        csr.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        public_key_digest(key),
        common_name,
        organization,
    )


def key_problem(key: object) -> str | None:
    """Return what is wrong with a public key (A00.FR.501 to 504), None where nothing is."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size in _RSA_BITS:
            return None
        return f"RSA key of {key.key_size} bits; {_RSA_BITS.start} to {_RSA_BITS.stop - 1} are due"
    if isinstance(key, ec.EllipticCurvePublicKey):
        if isinstance(key.curve, _CURVES):
            return None
        return f"elliptic curve {key.curve.name} is not accepted"
    return "neither an RSA nor an elliptic curve key"


def public_key_digest(key: object) -> str:
    """Return the hex SHA-256 of a public key's SubjectPublicKeyInfo."""
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    encoded = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(encoded).hexdigest()


def _only(name: x509.Name, kind: x509.ObjectIdentifier) -> str | None:
    found = name.get_attributes_for_oid(kind)
    if len(found) != 1 or not isinstance(value := found[0].value, str) or not is_storable(value):
        return None
    return value


def _of_this_station(
    request: SigningRequest, station: AskingStation, policy: SigningPolicy
) -> SigningRequest | Refused:
    # A00.FR.511; a serial number that the station itself reported at boot proves nothing.
    if request.common_name not in (station.serial_number, station.station_id):
        return Refused(
            RequestProblem.COMMON_NAME_WRONG,
            f"CN is {request.common_name[:100]!r}, not this station's",
        )
    if len(request.common_name) > NAME_MAX_CHARS:
        return Refused(
            RequestProblem.COMMON_NAME_WRONG, f"CN is longer than {NAME_MAX_CHARS} characters"
        )
    if looks_like_host(request.common_name):
        return Refused(RequestProblem.COMMON_NAME_WRONG, "CN has the form of a URL or IP address")
    # A02.FR.13.
    if request.organization != policy.organization:
        return Refused(
            RequestProblem.ORGANIZATION_WRONG,
            f"O is {request.organization[:100]!r}, not {policy.organization!r}",
        )
    return request


def looks_like_host(name: str) -> bool:
    """Tell whether a name has the form that only servers' certificates have (A00.FR.511)."""
    if "://" in name:
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
