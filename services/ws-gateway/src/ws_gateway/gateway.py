"""One gateway, put together: sockets on one side, the broker on the other, and its end."""

import asyncio
import importlib.metadata
import random
import socket

import structlog

from csms_shared.broker.link import Link
from csms_shared.clock import monotonic
from csms_shared.observability.probes import ProbeServer, bind_socket
from ws_gateway.amqp.broker_side import BrokerSide
from ws_gateway.domain.connection import SERVICE_RESTART
from ws_gateway.domain.limits import DEFAULT_LIMITS, Limits
from ws_gateway.settings import GatewaySettings
from ws_gateway.websocket.client_address import ClientAddresses
from ws_gateway.websocket.handshake import Handshakes
from ws_gateway.websocket.listener import Listener
from ws_gateway.websocket.reception import Reception
from ws_gateway.websocket.session import Session

log = structlog.get_logger(__name__)

VERSION = importlib.metadata.version("csms-ws-gateway")
_FLUSH_S = 3.0
_LAST_ANSWERS_S = 3.0
_POLL_S = 0.02


class Gateway:
    """Runs until `stop` is set, then drains."""

    def __init__(self, settings: GatewaySettings, limits: Limits = DEFAULT_LIMITS) -> None:
        self._settings = settings
        self._limits = limits
        self._draining = False
        self._broker: BrokerSide | None = None
        self.reception = Reception()
        self.started = asyncio.Event()
        self.port = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set.

        Raises:
            OSError: a port is taken.
        """
        settings = self._settings
        listening = [bind_socket(settings.bind, settings.gateway_port)]
        if settings.ocpp_listen_fd is not None:
            inherited = socket.socket(fileno=settings.ocpp_listen_fd)
            inherited.setblocking(False)
            listening.append(inherited)
        async with (
            Link(settings.broker_url.get_secret_value(), settings.gateway_name) as link,
            asyncio.TaskGroup() as group,
        ):
            broker = self._broker = BrokerSide(settings.gateway_name, VERSION, link, group)
            handshakes = Handshakes(
                broker,
                ClientAddresses(settings.trusted_networks),
                settings.credential_pepper.get_secret_value().encode(),
                lambda: not self.missing(),
                self._limits,
                self.reception,
            )
            listener = Listener(handshakes, listening)
            probes = ProbeServer(settings.bind, settings.probe_port, self._readiness)
            probing = group.create_task(probes.run())
            await broker.declare()
            broker.start()
            await listener.start()
            clock = group.create_task(listener.run_clock())
            self.port = listener.port
            log.info("listening", host=settings.bind, port=listener.port)
            self.started.set()
            await stop.wait()
            await self._drain(broker, handshakes, listener)
            clock.cancel()
            broker.stop()
            probes.stop()
            await probing

    def missing(self) -> dict[str, str]:
        """Return what keeps stations from being served, by name."""
        if self._draining:
            return {"gateway": "draining"}
        if self._broker is None:
            return {"gateway": "starting"}
        return self._broker.missing()

    async def _readiness(self) -> dict[str, str]:
        return self.missing()

    async def _drain(self, broker: BrokerSide, handshakes: Handshakes, listener: Listener) -> None:
        self._draining = handshakes.draining = broker.lease.draining = True
        log.info("draining", connections=len(broker.connections))
        listener.stop_accepting()
        sessions = listener.sessions
        random.shuffle(sessions)
        await _close_spread(sessions, self._settings.drain_seconds)
        # Those whose handshake was under way.
        for session in listener.sessions:
            session.close(SERVICE_RESTART, "service restart")
        await broker.flush(_FLUSH_S)
        await listener.finish()
        await broker.flush(_FLUSH_S)
        await broker.lease.give_up()
        log.info("drained")


async def _close_spread(sessions: list[Session], seconds: float) -> None:
    """Close the sessions evenly over `seconds`, those that wait for an answer after it."""
    start = monotonic()
    answering: list[Session] = []
    for number, session in enumerate(sessions):
        ahead = start + seconds * number / len(sessions) - monotonic()
        if ahead > 0:
            await asyncio.sleep(ahead)
        if session.has_call_in_progress:
            answering.append(session)
        else:
            session.close(SERVICE_RESTART, "service restart")
    until = monotonic() + _LAST_ANSWERS_S
    while answering:
        over = monotonic() >= until
        for session in list(answering):
            if over or not session.has_call_in_progress:
                session.close(SERVICE_RESTART, "service restart")
                answering.remove(session)
        if answering:
            await asyncio.sleep(_POLL_S)
