"""Who signs here: an authority of the test's own, and the built-in one of the suite."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from csms_simulator.certificates import Authority, Issued
from csms_simulator.settings import tls_context

OPERATOR = "Operator"
PASSPHRASE = "passphrase of these tests"


@dataclass(frozen=True, slots=True)
class Trust:
    """The suite trusts station certificates of both; its own is of `authority`."""

    authority: Authority
    folder: Path

    @property
    def server_ca(self) -> Path:
        """The file by which stations judge the suite."""
        return self.folder / "server-ca.pem"

    def context(self, certificate: Issued | None = None) -> ssl.SSLContext:
        """Return what a station of security profile 2 needs, or of 3 with this certificate."""
        files = () if certificate is None else certificate.write(self.folder, "station")
        return tls_context(self.server_ca, *files)


def issued(chain: str, key: ec.EllipticCurvePrivateKey) -> Issued:
    """Return what a station has after CertificateSigned."""
    return Issued(x509.load_pem_x509_certificates(chain.encode())[0], key)
