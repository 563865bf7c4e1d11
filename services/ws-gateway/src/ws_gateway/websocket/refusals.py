"""Refused handshakes: what the client is told, what is counted, logged and stored."""

import logging
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Response

from csms_shared.contracts.ownership import ClaimOutcome
from csms_shared.runtime.clock import now_ms
from ws_gateway import metrics
from ws_gateway.domain.presented import Presented
from ws_gateway.domain.refusal_counts import RefusalCounts
from ws_gateway.domain.tls_faults import CLIENT_GONE, TlsFault
from ws_gateway.websocket.admission_policy import Throttled

log = structlog.get_logger(__name__)

# Whitepaper, A00.FR.323 and 408: a connection refused for reasons of security is such an event.
_SECURITY_EVENTS = frozenset(
    {
        ClaimOutcome.BAD_CREDENTIALS,
        ClaimOutcome.BAD_CERTIFICATE,
        ClaimOutcome.WRONG_SECURITY_PROFILE,
        "bad_client_cert_header",
        "failed_logins",
        "tls_on_plain_port",
    }
)
# Reasons that lie with what this gateway may hold or let in at once.
_LIMITS = {"full": "connections", "too_many_at_once": "admission"}


@dataclass(slots=True)
class Refused(Exception):
    """Ends a handshake with an answer; `reported` where an operator is to see it."""

    status: HTTPStatus
    reason: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)
    reported: bool = True


@dataclass(slots=True)
class Client:
    """Who asks to connect, as far as it is known yet."""

    remote_address: str
    station_id: str = ""
    proofs: Sequence[str] | None = None
    presented: Presented = field(default_factory=Presented)


class Refusals:
    """Answers, counts and tells of refusals."""

    def __init__(
        self,
        counts: RefusalCounts,
        limit_reached: Callable[[str, str], None] = lambda _limit, _message: None,
    ) -> None:
        self._counts = counts
        self._limit_reached = limit_reached

    def answer(self, connection: ServerConnection, client: Client, refusal: Refused) -> Response:
        """Return the response of a refused handshake."""
        self.count(client, refusal)
        response = connection.respond(refusal.status, refusal.detail + "\n")
        response.headers.update(refusal.headers)
        return response

    def count(self, client: Client, refusal: Refused) -> None:
        """Count and log a refusal, whether or not the client can be told."""
        if refusal.reported:
            self._counts.count(
                client.station_id,
                client.remote_address,
                refusal.reason,
                refusal.detail,
                refusal.status,
                now_ms(),
            )
        metrics.CONNECTS.labels("refused").inc()
        metrics.REFUSALS.labels(refusal.reason).inc()
        if (limit := _LIMITS.get(refusal.reason)) is not None:
            self._limit_reached(limit, f"A station was turned away: {refusal.detail}.")
        is_security_event = refusal.reason in _SECURITY_EVENTS
        log.log(
            logging.WARNING if is_security_event else logging.INFO,
            "security_event" if is_security_event else "handshake_refused",
            station_id=client.station_id or None,
            remote_address=client.remote_address,
            reason=refusal.reason,
            status=int(refusal.status),
            detail=refusal.detail,
        )

    def tls_failed(self, remote_address: str, fault: TlsFault) -> None:
        """Count and log a failed TLS handshake, without an HTTP status.

        Which station it was is not known: its id comes after the handshake.
        """
        if fault.reason != CLIENT_GONE:
            self._counts.count("", remote_address, fault.reason, fault.detail, 0, now_ms())
        metrics.CONNECTS.labels("refused").inc()
        metrics.REFUSALS.labels(fault.reason).inc()
        log.log(
            logging.WARNING if fault.is_security_event else logging.INFO,
            "security_event" if fault.is_security_event else "handshake_refused",
            remote_address=remote_address,
            reason=fault.reason,
            detail=fault.detail,
        )


def unavailable(reason: str, detail: str) -> Refused:
    """Return a refusal for a reason that lies with us."""
    # Spread, so that not all come back in the same second.
    retry_after = str(random.randint(5, 15))  # noqa: S311 - jitter
    return Refused(HTTPStatus.SERVICE_UNAVAILABLE, reason, detail, {"Retry-After": retry_after})


def too_many(throttled: Throttled) -> Refused:
    """Return a refusal for a reason that lies with whoever connects."""
    return Refused(
        HTTPStatus.TOO_MANY_REQUESTS,
        throttled.reason,
        throttled.detail,
        {"Retry-After": str(math.ceil(throttled.wait_s))},
    )
