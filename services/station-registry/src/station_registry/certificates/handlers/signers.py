"""What signs certificates: the port of the built-in authority and of the external signer."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from cryptography import x509

from station_registry.certificates.domain.requests import SigningRequest
from station_registry.certificates.store.certificates import Source


class SignerAway(Exception):
    """Nothing was signed, and the same request may be signed later."""


class SignerRefused(Exception):
    """The signer will not sign this request."""


@dataclass(frozen=True, slots=True)
class Signed:
    """The station's certificate first, then what it needs above it; `authority` if built in."""

    chain: tuple[x509.Certificate, ...]
    authority: str | None = None


class Signer(Protocol):
    """Signs one request; asked again with the same id, it may give the same certificate."""

    source: Source

    async def sign(self, request_id: UUID, station_id: str, request: SigningRequest) -> Signed:
        """Return the certificate.

        Raises:
            SignerAway: try again later.
            SignerRefused: do not try again.
        """
        ...
