"""What a signer returned, checked before it goes to a station (whitepaper, A02 and 2.6.1)."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import NameOID

from csms_shared.ocpp.certificate_chains import CHAIN_MAX_CHARS, MAX_CHAIN_KEY
from station_registry.certificates.domain.authority_fitness import (
    chain_link_problem,
    issuer_problem_above,
)
from station_registry.certificates.domain.details import UNREADABLE, details, pem_of
from station_registry.certificates.domain.requests import SigningRequest


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
    return chain_link_problem(chain) or _issuers_problem(chain)


def _issuers_problem(chain: Sequence[x509.Certificate]) -> str | None:
    for number in range(1, len(chain)):
        try:
            problem = issuer_problem_above(chain, number)
        except UNREADABLE:
            problem = "it can't be read"
        if problem is not None:
            return f"the signer's certificate {number} above the station's: {problem}"
    return None
