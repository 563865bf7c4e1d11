"""An external signer of certificates: one POST per request (docs/certificates.md)."""

import asyncio
import http.client
import ssl
import time
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

import orjson
from cryptography import x509

from csms_shared.values.texts import storable
from station_registry.certificates.domain.details import read_certificates
from station_registry.certificates.domain.requests import SigningRequest
from station_registry.certificates.handlers.signers import Signed, SignerAway, SignerRefused
from station_registry.certificates.store.certificates import Source

DEADLINE_S = 20.0
ANSWER_MAX_BYTES = 65_536
_READ_BYTES = 8_192
# Statuses that say "not now"; the other 4xx say "never".
_LATER = frozenset({408, 425, 429})
_PROBLEM_CHARS = 300


class ExternalSigner:
    """Signs by HTTP; `context` verifies the signer's certificate and name."""

    source: Source = "external"

    def __init__(self, url: str, token: str | None, context: ssl.SSLContext | None = None) -> None:
        self._url = urlsplit(url)
        self._token = token
        self._context = context or ssl.create_default_context()

    async def sign(self, request_id: UUID, station_id: str, request: SigningRequest) -> Signed:
        """Return the certificate that the signer made.

        Raises:
            SignerAway: it does not answer within `DEADLINE_S`, or says that it can't now.
            SignerRefused: it will not sign this request.
        """
        body = orjson.dumps(
            {"request_id": str(request_id), "station_id": station_id, "csr": request.pem}
        )
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Idempotency-Key": str(request_id),
        }
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            status, answer = await asyncio.to_thread(self._post, body, headers)
        except (OSError, http.client.HTTPException) as error:
            raise SignerAway(f"the signer does not answer: {error!r}"[:_PROBLEM_CHARS]) from error
        return Signed(_chain(status, answer))

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Do the whole exchange within `DEADLINE_S`.

        Raises:
            OSError, HTTPException: it failed, TLS included.
        """
        ends = time.monotonic() + DEADLINE_S

        def left() -> float:
            seconds = ends - time.monotonic()
            if seconds <= 0:
                raise TimeoutError(f"no answer within {DEADLINE_S:g} s")
            return seconds

        connection = _connect(self._url, self._context, DEADLINE_S)
        try:
            path = self._url.path or "/"
            target = f"{path}?{self._url.query}" if self._url.query else path
            connection.request("POST", target, body, headers)
            _limit(connection, left())
            response = connection.getresponse()
            return response.status, _read(response, connection, left)
        finally:
            connection.close()


def _connect(
    url: SplitResult, context: ssl.SSLContext, timeout: float
) -> http.client.HTTPConnection:
    host = url.hostname or ""
    if url.scheme == "https":
        return http.client.HTTPSConnection(host, url.port, timeout=timeout, context=context)
    return http.client.HTTPConnection(host, url.port, timeout=timeout)


def _limit(connection: http.client.HTTPConnection, seconds: float) -> None:
    if connection.sock is not None:
        connection.sock.settimeout(seconds)


def _read(
    response: http.client.HTTPResponse,
    connection: http.client.HTTPConnection,
    left: Callable[[], float],
) -> bytes:
    """Read piece by piece, so that an answer in drops ends at the deadline too."""
    answer = b""
    while len(answer) <= ANSWER_MAX_BYTES:
        _limit(connection, left())
        part = response.read1(_READ_BYTES)
        if not part:
            return answer
        answer += part
    raise http.client.HTTPException(f"the answer has more than {ANSWER_MAX_BYTES} bytes")


def _chain(status: int, answer: bytes) -> tuple[x509.Certificate, ...]:
    if status >= 500 or status in _LATER:
        raise SignerAway(f"the signer answers {status}")
    if status != 200:
        text = storable(answer[:_PROBLEM_CHARS].decode(errors="replace"))
        raise SignerRefused(f"the signer answers {status}: {text}")
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError as error:
        raise SignerRefused("the signer's answer is not JSON") from error
    chain = document.get("certificate_chain") if isinstance(document, dict) else None
    certificates = read_certificates(chain) if isinstance(chain, str) else []
    if not certificates:
        raise SignerRefused("the signer's answer holds no readable certificate_chain")
    return tuple(certificates)
