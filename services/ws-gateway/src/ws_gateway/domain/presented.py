"""How a station came, and the certificate that it showed."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Presented:
    """TLS or not, to us or to a trusted proxy; `certificate` is the verified one, in DER."""

    tls: bool = False
    certificate: bytes | None = None

    @property
    def form(self) -> str:
        """Return what failures are counted by: kind of connection, and which certificate."""
        if self.certificate is None:
            return "tls" if self.tls else "plain"
        return hashlib.sha256(self.certificate).hexdigest()
