"""The upgrade of a station: identity, subprotocol, admission, then one claim at the registry."""

import base64
import uuid
from collections.abc import Callable, Sequence
from http import HTTPStatus

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.protocol import CONNECTING

from csms_shared.contracts.calls import RegistrationChange
from csms_shared.contracts.ownership import Claim, ClaimOutcome, ClaimReply
from csms_shared.ocpp.credentials import credential_proofs
from csms_shared.runtime.clock import monotonic, now_ms
from ws_gateway import metrics
from ws_gateway.amqp.broker_side import BrokerSide
from ws_gateway.amqp.claims import ClaimUnanswered
from ws_gateway.domain.basic_auth import presented_password
from ws_gateway.domain.client_cert_header import BadClientCert
from ws_gateway.domain.connection import StationConnection
from ws_gateway.domain.deviations import Deviation
from ws_gateway.domain.limits import Limits
from ws_gateway.domain.presented import Presented
from ws_gateway.domain.tls_faults import TlsFault
from ws_gateway.ocpp.subprotocol import Subprotocol
from ws_gateway.websocket.admission_policy import AdmissionPolicy, Throttled
from ws_gateway.websocket.claim_refusals import refused_claim
from ws_gateway.websocket.client_address import ClientAddresses
from ws_gateway.websocket.connection_handler import ConnectionHandler, instant
from ws_gateway.websocket.connection_limiter import ConnectionLimiter
from ws_gateway.websocket.data_request import DataRequest
from ws_gateway.websocket.refusals import Client, Refusals, Refused, too_many, unavailable
from ws_gateway.websocket.socket import StationSocket
from ws_gateway.websocket.upgrade_request import checked_upgrade, named_station

log = structlog.get_logger(__name__)

_AWAY = "a part of the central system does not answer"
_UNKNOWN = (ClaimOutcome.UNKNOWN_STATION, ClaimOutcome.TOO_MANY_UNKNOWN_STATIONS)
# Wrong as the station came, so that to come in the same way again counts as a failed log-in.
_BAD_FORM = (ClaimOutcome.WRONG_SECURITY_PROFILE, ClaimOutcome.BAD_CERTIFICATE)


class Handshakes:
    """Answers the HTTP requests on the stations' port."""

    def __init__(
        self,
        broker: BrokerSide,
        addresses: ClientAddresses,
        pepper: bytes,
        is_ready: Callable[[], bool],
        limits: Limits,
        policy: AdmissionPolicy,
        limiter: ConnectionLimiter,
    ) -> None:
        self._broker = broker
        self._addresses = addresses
        self._pepper = pepper
        self._is_ready = is_ready
        self._limits = limits
        self._policy = policy
        self._limiter = limiter
        self._refusals = Refusals(broker.refusals.counts, broker.system.notices.limit_reached)
        self.draining = False

    async def process(self, connection: ServerConnection, request: Request) -> Response:
        """Return 101 with a claimed connection behind it, or the refusal."""
        assert isinstance(connection, StationSocket)
        if request.path == "/healthz":
            return connection.respond(HTTPStatus.OK, "ok\n")
        if request.path == "/readyz":
            if self._is_ready():
                return connection.respond(HTTPStatus.OK, "ready\n")
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "not ready\n")
        address = connection.announced or self._addresses.address(
            _peer(connection), request.headers
        )
        client = Client(address)
        try:
            response = await self._admit(connection, request, client)
        except Refused as refusal:
            return self._refusals.answer(connection, client, refusal)
        metrics.CONNECTS.labels("accepted").inc()
        return response

    def garbage(self, connection: ServerConnection, reason: str, description: str) -> None:
        """Count what was no HTTP request, or none in time: a TLS hello, a port scan."""
        assert isinstance(connection, StationSocket)
        client = Client(connection.announced or _peer(connection))
        self._refusals.count(client, Refused(HTTPStatus.BAD_REQUEST, reason, description))

    def tls_failed(self, remote_address: str, fault: TlsFault) -> None:
        """Count a failed TLS handshake."""
        self._refusals.tls_failed(remote_address, fault)

    async def _admit(self, socket: StationSocket, request: Request, client: Client) -> Response:
        client.station_id = named_station(request)
        response, subprotocol = checked_upgrade(socket, request)
        client.presented = self._presented(socket, request)
        self._check_before_claim(request, client)
        await self._wait_for_admission(socket, client)
        asked_at = monotonic()
        try:
            if not await self._broker.services_prove_themselves():
                raise unavailable("unavailable", _AWAY)
            asked_at = monotonic()
            reply, claim = await self._claim(request, client, subprotocol)
        finally:
            self._policy.upgrades.done(monotonic() - asked_at)
        self._check_after_claim(socket, claim, reply)
        self._open_connection(socket, claim, reply, subprotocol)
        return response

    def _presented(self, socket: StationSocket, request: Request) -> Presented:
        if socket.announced is not None:
            return socket.presented
        try:
            return self._addresses.presented(_peer(socket), request.headers, socket.presented)
        except BadClientCert as error:
            raise Refused(HTTPStatus.BAD_REQUEST, "bad_client_cert_header", str(error)) from None

    def _check_before_claim(self, request: Request, client: Client) -> None:
        """Refuse what needs no word of the registry."""
        if self.draining:
            raise unavailable("draining", "this gateway is about to stop")
        if self._limiter.is_overfull:
            raise unavailable("full", "this gateway holds as many stations as it can")
        if not self._broker.takes_upgrades:
            raise unavailable("unavailable", _AWAY)
        if self._policy.is_unknown(client.station_id):
            raise refused_claim(ClaimOutcome.UNKNOWN_STATION)
        throttled = self._policy.throttled(
            client.remote_address,
            client.station_id,
            client.presented.form,
            lambda: self._proofs(request, client),
        )
        if throttled is not None:
            raise too_many(throttled)

    def _check_after_claim(self, socket: StationSocket, claim: Claim, reply: ClaimReply) -> None:
        """Give the claim back where the station or a service has gone meanwhile."""
        if socket.protocol.state is not CONNECTING:
            self._give_back(claim, reply, "gone during the handshake")
            raise Refused(
                HTTPStatus.BAD_REQUEST, "client_gone", "gone before its answer", reported=False
            )
        if not self._broker.takes_upgrades:
            self._give_back(claim, reply, "a service was lost meanwhile")
            raise unavailable("unavailable", _AWAY)

    def _give_back(self, claim: Claim, reply: ClaimReply, reason: str) -> None:
        self._broker.notices.release(claim.station_id, claim.connection_id, reply.epoch, reason)

    async def _wait_for_admission(self, socket: StationSocket, client: Client) -> None:
        station_id = client.station_id
        held = self._broker.connections.of_station(station_id)
        first = self._policy.is_in_transaction(station_id) or (
            held is not None and held.in_transaction
        )

        def is_gone() -> bool:
            return socket.protocol.state is not CONNECTING

        def would_waste_it() -> bool:
            # Others of the address, which came with it, were found to be made up meanwhile.
            return is_gone() or self._throttled_as_unknown(client) is not None

        if await self._policy.wait_for_admission(first=first, is_gone=would_waste_it):
            return
        if (throttled := self._throttled_as_unknown(client)) is not None:
            raise too_many(throttled)
        if is_gone():
            detail = "gone while waiting for its turn"
            raise Refused(HTTPStatus.BAD_REQUEST, "client_gone", detail, reported=False)
        wait_s = self._policy.limits.admission_wait_s
        detail = f"no turn within {wait_s:g} s: too many stations connect at once"
        raise unavailable("too_many_at_once", detail)

    def _throttled_as_unknown(self, client: Client) -> Throttled | None:
        return self._policy.asks_for_too_many(client.remote_address, client.station_id)

    async def _claim(
        self, request: Request, client: Client, subprotocol: Subprotocol
    ) -> tuple[ClaimReply, Claim]:
        presented = client.presented
        claim = Claim(
            station_id=client.station_id,
            connection_id=uuid.uuid4().hex,
            ocpp_version=subprotocol.dialect.version,
            offers_subprotocol=subprotocol.header is not None,
            remote_address=client.remote_address,
            credential_proofs=tuple(self._proofs(request, client)),
            tls=presented.tls,
            certificate=None
            if presented.certificate is None
            else base64.b64encode(presented.certificate).decode(),
            connected_ms=now_ms(),
        )
        reply = await self._ask_registry(claim)
        if reply.outcome is not ClaimOutcome.ACCEPTED:
            raise self._refusal(reply, client)
        exempt = reply.registration is not None and reply.registration.exempt_from_limits
        self._policy.connected(client.station_id, exempt=exempt)
        return reply, claim

    async def _ask_registry(self, claim: Claim) -> ClaimReply:
        asked_at = monotonic()
        with self._policy.asking(claim.remote_address, claim.station_id) as throttled:
            if throttled is not None:
                raise too_many(throttled)
            try:
                reply = await self._broker.claims.claim(claim)
            except ClaimUnanswered as error:
                raise unavailable("registry_unanswered", str(error)) from None
        if reply.outcome in _UNKNOWN:
            self._policy.found_unknown(
                claim.remote_address,
                claim.station_id,
                asked_at=asked_at,
                # Where there is more to say, the next attempt may be another one.
                lasting=not reply.detail,
            )
        else:
            self._policy.found_known(claim.station_id)
        return reply

    def _refusal(self, reply: ClaimReply, client: Client) -> Refused:
        """Return the answer to a refused claim, and remember what the next attempt may meet."""
        if not isinstance(reply.outcome, ClaimOutcome):
            # Of a newer registry; another gateway, or this one once it is newer, knows it.
            return unavailable("unknown_outcome", reply.detail or f"refused: {reply.outcome}")
        refused = refused_claim(reply.outcome, reply.detail)
        address, station_id = client.remote_address, client.station_id
        if reply.outcome in _BAD_FORM:
            self._policy.form_refused(address, station_id, client.presented.form)
        if refused.status is HTTPStatus.UNAUTHORIZED:
            self._policy.login_failed(address, station_id, reply.credential_checks)
        return refused

    def _proofs(self, request: Request, client: Client) -> Sequence[str]:
        if client.proofs is None:
            authorization = next(iter(request.headers.get_all("Authorization")), None)
            password = presented_password(authorization, client.station_id)
            client.proofs = (
                credential_proofs(self._pepper, client.station_id, password)
                if password is not None
                else ()
            )
        return client.proofs

    def _open_connection(
        self, socket: StationSocket, claim: Claim, reply: ClaimReply, subprotocol: Subprotocol
    ) -> None:
        registration = reply.registration
        if registration is None:
            self._give_back(claim, reply, "incomplete claim reply")
            raise unavailable("registry_unanswered", "the registry's answer was incomplete")
        handler = self._handler(socket, claim, reply, registration, subprotocol)
        self._broker.connections.add(handler)
        if handler.ended:
            raise unavailable("superseded", "a newer connection of this station is open")
        socket.serve(handler)
        metrics.CONNECTIONS.labels(subprotocol.dialect.version).inc()
        if subprotocol.header is None:
            metrics.TOLERATED.labels(Deviation.MISSING_SUBPROTOCOL).inc()
        log.info(
            "station_connected",
            station_id=claim.station_id,
            connection_id=claim.connection_id,
            epoch=reply.epoch,
            remote_address=claim.remote_address,
        )

    def _handler(
        self,
        socket: StationSocket,
        claim: Claim,
        reply: ClaimReply,
        registration: RegistrationChange,
        subprotocol: Subprotocol,
    ) -> ConnectionHandler:
        now = instant()
        machine = StationConnection(
            subprotocol.dialect,
            reply.epoch,
            registration.registration_status,
            now,
            booted=reply.booted,
            strict=registration.strict,
            exempt=registration.exempt_from_limits,
            limits=self._limits,
        )
        return ConnectionHandler(
            socket,
            self._broker,
            self._policy,
            machine,
            subprotocol.dialect,
            station_id=claim.station_id,
            tenant_id=reply.tenant_id,
            connection_id=claim.connection_id,
            remote_address=claim.remote_address,
            connected_ms=claim.connected_ms,
            boot_count=registration.boot_count,
            registration_version=registration.version,
            tolerated=(Deviation.MISSING_SUBPROTOCOL,) if subprotocol.header is None else (),
            data_request=(
                None
                if reply.status_known and reply.booted
                else DataRequest(subprotocol.dialect, now, booted=reply.booted)
            ),
        )


def _peer(connection: ServerConnection) -> str:
    address = connection.remote_address
    return str(address[0]) if address else "unknown"
