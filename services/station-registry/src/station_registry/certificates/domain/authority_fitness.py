"""Whether certificates can issue stations' certificates and their revocation list.

RFC 5280 (4.2.1.3 keyUsage, 4.2.1.9 basicConstraints, 4.2.1.12 extendedKeyUsage); keys and digests
as of the OCPP 1.6 security whitepaper, edition 3, 2.6.1.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID

from station_registry.certificates.domain.authority import Authority, UnfitAuthority
from station_registry.certificates.domain.details import UNREADABLE
from station_registry.certificates.domain.requests import DIGESTS, key_problem


def check_authority(authority: Authority, now: datetime) -> None:
    """Check what signs stations' certificates, and what is above it.

    Raises:
        UnfitAuthority: what it signs would not be accepted; the message says what is wrong.
    """
    certificate = authority.certificate
    try:
        if authority.key.public_key() != certificate.public_key():
            raise UnfitAuthority("the key is not the certificate's")
        problem = (
            _own_problem(certificate, now)
            or _problem_above((certificate, *authority.above), now)
            or chain_link_problem((certificate, *authority.above))
        )
    except UNREADABLE as error:
        raise UnfitAuthority(f"a certificate can't be read: {error}") from error
    if problem is not None:
        raise UnfitAuthority(problem)


def _own_problem(certificate: x509.Certificate, now: datetime) -> str | None:
    problem = (
        _validity_problem(certificate, now)
        or key_problem(certificate.public_key())
        or issuer_problem(certificate, 0)
    )
    if problem is None and not _extensions(certificate)[x509.KeyUsage].crl_sign:
        problem = "keyUsage lacks cRLSign"
    return None if problem is None else f"its certificate: {problem}"


def _problem_above(chain: Sequence[x509.Certificate], now: datetime) -> str | None:
    for number, issuer in enumerate(chain[1:], 1):
        problem = (
            _validity_problem(issuer, now)
            or key_problem(issuer.public_key())
            or issuer_problem_above(chain, number)
        )
        if problem is not None:
            return f"the certificate {number} above its own: {problem}"
    return None


def issuer_problem_above(chain: Sequence[x509.Certificate], number: int) -> str | None:
    """Return why the certificate of this number can't be above those before it in the chain."""
    issuer = chain[number]
    # What a path length counts (RFC 5280, 4.2.1.9): not those that issued themselves.
    below = sum(_is_authority(one) and one.subject != one.issuer for one in chain[:number])
    return issuer_problem(issuer, below, anchor=issuer.subject == issuer.issuer)


def issuer_problem(
    certificate: x509.Certificate, below: int, *, anchor: bool = False
) -> str | None:
    """Return why a certificate can't be above `below` authorities and a station's certificate.

    `anchor`: the trust begins with it, which makes it no part of a path (RFC 5280, 6.1): many
    old roots have no keyUsage, and are taken all the same.
    """
    found = _extensions(certificate)
    constraints, usage = found.get(x509.BasicConstraints), found.get(x509.KeyUsage)
    purposes = found.get(x509.ExtendedKeyUsage)
    if constraints is None:
        return "basicConstraints is missing: it is no authority's"
    if not constraints.ca:
        return "basicConstraints says that it is no authority's"
    if usage is None and not anchor:
        return "keyUsage is missing"
    if usage is not None and not usage.key_cert_sign:
        return "keyUsage lacks keyCertSign"
    if purposes is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
        return "extendedKeyUsage lacks clientAuth"
    most = constraints.path_length
    if most is not None and below > most:
        return f"its path length is {most}, and {below} authorities are below it"
    return None


def chain_link_problem(chain: Sequence[x509.Certificate]) -> str | None:
    """Return why certificates are not each signed by the next, in a way that is accepted."""
    for certificate, issuer in pairwise(chain):
        try:
            certificate.verify_directly_issued_by(issuer)
            digest = certificate.signature_hash_algorithm
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return "the certificates are not a chain"
        if not isinstance(digest, DIGESTS):
            name = "no" if digest is None else digest.name
            return f"a certificate of the chain is signed with {name} digest; SHA-256 is due"
    return None


def _validity_problem(certificate: x509.Certificate, now: datetime) -> str | None:
    if now < certificate.not_valid_before_utc:
        return f"it is not valid before {certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}"
    if now >= certificate.not_valid_after_utc:
        return f"it ended at {certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
    return None


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = _extensions(certificate).get(x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _extensions(certificate: x509.Certificate) -> dict[Any, Any]:
    """Return the extensions by their type."""
    return {type(extension.value): extension.value for extension in certificate.extensions}
