"""What a handshake is answered with where the registry refuses its claim."""

from http import HTTPStatus

from csms_shared.contracts.ownership import ClaimOutcome
from ws_gateway.websocket.refusals import Refused

_REFUSED_CLAIMS = {
    ClaimOutcome.UNKNOWN_STATION: (HTTPStatus.NOT_FOUND, "no station of this id is known"),
    ClaimOutcome.TOO_MANY_UNKNOWN_STATIONS: (
        HTTPStatus.NOT_FOUND,
        "no station of this id is known, and no more are taken in by themselves",
    ),
    ClaimOutcome.BAD_CREDENTIALS: (
        HTTPStatus.UNAUTHORIZED,
        "the station's password is missing or wrong",
    ),
    ClaimOutcome.WRONG_SECURITY_PROFILE: (
        HTTPStatus.FORBIDDEN,
        "the station must connect with another security profile",
    ),
    # No challenge of HTTP asks for a client certificate, so it is not 401 (docs/adr/0018).
    ClaimOutcome.BAD_CERTIFICATE: (
        HTTPStatus.FORBIDDEN,
        "the client certificate is not this station's",
    ),
    ClaimOutcome.TENANT_SUSPENDED: (
        HTTPStatus.FORBIDDEN,
        "the operator that the station belongs to is suspended",
    ),
    # RFC 6455, 4.2.2: a handshake may be ended by an HTTP status; docs/adr/0006 says why by 400.
    ClaimOutcome.MISSING_SUBPROTOCOL: (
        HTTPStatus.BAD_REQUEST,
        "a strict station must name its version in Sec-WebSocket-Protocol: ocpp1.6",
    ),
}


def refused_claim(outcome: ClaimOutcome, detail: str = "") -> Refused:
    """Return the refusal; `detail` in place of the usual text where the registry says more."""
    status, usual = _REFUSED_CLAIMS[outcome]
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Basic realm="csms", charset="UTF-8"'
    return Refused(status, outcome.value, detail or usual, headers)
