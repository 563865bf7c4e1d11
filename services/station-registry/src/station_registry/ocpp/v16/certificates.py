"""SignCertificate (security whitepaper, edition 3, A02 and A03)."""

from collections.abc import Mapping
from typing import Any

from station_registry.certificates.domain.deliveries import RequestStatus


def read_signing_request(payload: Mapping[str, Any]) -> str:
    """Read a request: the certificate signing request, in PEM."""
    return str(payload["csr"])


def write_signing_answer(status: RequestStatus) -> dict[str, Any]:
    """Write a response: every status but one says that the request was sound."""
    return {"status": "Rejected" if status is RequestStatus.REJECTED else "Accepted"}
