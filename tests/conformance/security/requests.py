"""A station's requests for a certificate, and what is kept of them."""

from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Payload, PlayedStation
from tests.conformance.security.trust import OPERATOR
from tests.integration.waiting import eventually

ACCEPTED = {"status": "Accepted"}
Key = ec.EllipticCurvePrivateKey


def asked_for(key: Key, common_name: str, organization: str = OPERATOR) -> str:
    """Make a request as stations do (RFC 2986, PEM)."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        ]
    )
    made = x509.CertificateSigningRequestBuilder().subject_name(subject)
    encoding = serialization.Encoding.PEM
    return made.sign(key, hashes.SHA256()).public_bytes(encoding).decode()


async def sign(station: PlayedStation, request: str) -> str:
    """Ask for a certificate; the status of the answer."""
    return str((await station.call("SignCertificate", {"csr": request}))["status"])


async def certificates(central: CentralSystem, holds: Callable[[Payload], bool]) -> Payload:
    """Read what is kept of the station's certificates once it is so."""

    async def read() -> Payload:
        found: Payload = await central.operator.get(f"/stations/{central.station_id}/certificates")
        return found

    return await eventually(read, holds)


async def request_is(central: CentralSystem, status: str) -> Payload:
    """Read the newest request once it stands there."""
    found = await certificates(
        central, lambda found: bool(found["requests"]) and found["requests"][0]["status"] == status
    )
    newest: Payload = found["requests"][0]
    return newest
