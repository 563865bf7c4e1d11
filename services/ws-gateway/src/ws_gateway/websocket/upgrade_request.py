"""What a station's request says: who it is, and what it wants to speak."""

from http import HTTPStatus

from websockets.exceptions import InvalidUpgrade
from websockets.http11 import Request, Response

from ws_gateway.domain.identity import IdentityProblem, station_id_from_path
from ws_gateway.ocpp.subprotocol import Subprotocol, negotiate
from ws_gateway.websocket.refusals import Refused
from ws_gateway.websocket.socket import StationSocket


def named_station(request: Request) -> str:
    """Return the station that the path names.

    Raises:
        Refused: it names none.
    """
    identity = station_id_from_path(_path_as_text(request.path))
    if isinstance(identity, IdentityProblem):
        wrong = identity in (IdentityProblem.WRONG_PATH, IdentityProblem.EMPTY)
        status = HTTPStatus.NOT_FOUND if wrong else HTTPStatus.BAD_REQUEST
        detail = "the path must be /ocpp/ and the station's id"
        raise Refused(status, identity.value, detail)
    return identity


def checked_upgrade(socket: StationSocket, request: Request) -> tuple[Response, Subprotocol]:
    """Return the answer of 101, and what both will speak.

    It comes before the claim, because nothing after that may refuse.

    Raises:
        Refused: it is no WebSocket handshake, or offers nothing that is spoken here.
    """
    response = socket.protocol.accept(request)
    if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        cause = socket.protocol.handshake_exc
        reason = "no_upgrade" if isinstance(cause, InvalidUpgrade) else "bad_request"
        headers = {
            name: response.headers[name]
            for name in ("Upgrade", "Allow")
            if name in response.headers
        }
        detail = f"not a WebSocket handshake: {cause}"[:200]
        raise Refused(HTTPStatus(response.status_code), reason, detail, headers)
    offered = request.headers.get_all("Sec-WebSocket-Protocol")
    subprotocol = negotiate(offered)
    if subprotocol is None:
        detail = f"none of the offered subprotocols is supported: {', '.join(offered)}"[:200]
        raise Refused(HTTPStatus.BAD_REQUEST, "unsupported_subprotocol", detail)
    if subprotocol.header is not None:
        response.headers["Sec-WebSocket-Protocol"] = subprotocol.header
    return response, subprotocol


def _path_as_text(path: str) -> str:
    """Return the path with raw bytes above 127 read as UTF-8, where they are."""
    try:
        return path.encode("ascii", "surrogateescape").decode()
    except UnicodeDecodeError:
        return path
