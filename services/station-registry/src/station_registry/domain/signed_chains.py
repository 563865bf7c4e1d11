"""What a signer returned, checked before it goes to a station (whitepaper, A02 and 2.6.1)."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from csms_shared.ocpp.certificate_chains import CHAIN_MAX_CHARS, MAX_CHAIN_KEY
from station_registry.domain.certificate_details import details, pem_of
from station_registry.domain.certificate_requests import SigningRequest


def chain_problem(
    chain: Sequence[x509.Certificate],
    request: SigningRequest,
    now: datetime,
    longest: int = CHAIN_MAX_CHARS,
) -> str | None:
    """Return why a chain, the station's certificate first, is not the one asked for.

    `longest`: the characters that the station takes. A longer chain is not sent in part: without
    what is between it and the root, nobody can check the station's certificate.
    """
    if not chain:
        return "no certificate in the answer"
    chars = len(pem_of(chain))
    if chars > longest:
        return f"the chain has {chars} characters, the station takes {longest} ({MAX_CHAIN_KEY})"
    own = details(chain[0])
    if own is None:
        return "the certificate can't be read"
    if own.public_key_digest != request.public_key_digest:
        return "the certificate is for another key"
    wanted = (
        (NameOID.COMMON_NAME, "CN", request.common_name),
        (NameOID.ORGANIZATION_NAME, "O", request.organization),
    )
    for kind, label, value in wanted:
        if [one.value for one in chain[0].subject.get_attributes_for_oid(kind)] != [value]:
            return f"the certificate's {label} is not the request's"
    if not own.not_before <= now < own.not_after:
        return "the certificate is not valid now"
    for certificate, issuer in pairwise(chain):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return "the certificates are not a chain"
    return None
