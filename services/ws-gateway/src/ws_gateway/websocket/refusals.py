"""Refused handshakes: what the client is told, what is counted, logged and stored."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Response

from csms_shared.clock import now_ms
from ws_gateway import metrics
from ws_gateway.domain.refusal_counts import RefusalCounts
from ws_gateway.websocket.reception import Throttled

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Refused(Exception):
    """Ends a handshake with an answer; `told` where an operator is to see it."""

    status: HTTPStatus
    reason: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)
    told: bool = True


@dataclass(slots=True)
class Applicant:
    """Who asks to connect, as far as it is known yet."""

    remote_address: str
    station_id: str = ""
    proofs: Sequence[str] | None = None


class Refusals:
    """Answers, counts and tells of refusals."""

    def __init__(self, counts: RefusalCounts) -> None:
        self._counts = counts

    def answer(
        self, connection: ServerConnection, applicant: Applicant, refusal: Refused
    ) -> Response:
        """Return the response of a refused handshake."""
        self.count(applicant, refusal)
        response = connection.respond(refusal.status, refusal.detail + "\n")
        response.headers.update(refusal.headers)
        return response

    def count(self, applicant: Applicant, refusal: Refused) -> None:
        """Count and log a refusal, whether or not the client can be told."""
        if refusal.told:
            self._counts.count(
                applicant.station_id,
                applicant.remote_address,
                refusal.reason,
                refusal.detail,
                refusal.status,
                now_ms(),
            )
        metrics.CONNECTS.labels("refused").inc()
        metrics.REFUSALS.labels(refusal.reason).inc()
        log.info(
            "handshake_refused",
            station_id=applicant.station_id or None,
            remote_address=applicant.remote_address,
            reason=refusal.reason,
            status=int(refusal.status),
            detail=refusal.detail,
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
