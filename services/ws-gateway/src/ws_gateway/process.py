"""One gateway, put together: sockets on one side, the broker on the other, and its end."""

import asyncio
import contextlib
import importlib.metadata

import structlog

from csms_shared.broker.link import Link
from csms_shared.observability.probes import ProbeServer
from csms_shared.runtime.clock import monotonic, utc_now
from csms_shared.service.instance_notices import started, stopped
from csms_shared.values.times import format_time
from csms_shared.values.trusted_proxies import parse_networks
from ws_gateway.amqp.broker_side import BrokerSide
from ws_gateway.amqp.system_reports import SERVICE
from ws_gateway.domain.connection import SERVICE_RESTART
from ws_gateway.settings import GatewaySettings
from ws_gateway.websocket.admission_policy import AdmissionPolicy
from ws_gateway.websocket.client_address import ClientAddresses
from ws_gateway.websocket.connection_limiter import ConnectionLimiter, files_allowed
from ws_gateway.websocket.draining import close_spread
from ws_gateway.websocket.handshake import Handshakes
from ws_gateway.websocket.listener import Listener
from ws_gateway.websocket.ports import Ports
from ws_gateway.websocket.tls_files import TlsContexts, tls_files

log = structlog.get_logger(__name__)

VERSION = importlib.metadata.version("csms-ws-gateway")
# Besides the time that the closing is spread over: the last answers, what must be stored, the
# lease. Whatever is away then, the process ends; its lease runs out by itself.
END_S = 8.0
# After which it is ended, whatever it still waits for.
CLOSED_S = 5.0
_FLUSH_S = 2.0
_DISCONNECT_S = 1.0
_READY_POLL_S = 0.02


class _Ended(Exception):
    """Ends the task group with everything in it."""


class Gateway:
    """Runs until `stop` is set, then drains."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._draining = False
        self.broker: BrokerSide | None = None
        self.policy = AdmissionPolicy(settings.entry_limits())
        self.limiter = ConnectionLimiter(files_allowed())
        self.started = asyncio.Event()
        self._began = monotonic()
        self.contexts: TlsContexts | None = None
        self.port = 0
        self.tls_port = 0

    async def run(self, stop: asyncio.Event, at_once: asyncio.Event | None = None) -> None:
        """Serve until `stop` is set, then drain; `at_once` ends the drain.

        Raises:
            PortTaken: a port can't be had; in an exception group that of the probes, and one that
                another process took in the same moment.
            BadTlsFile: the certificates of the TLS port can't be used.
        """
        settings = self._settings
        files = tls_files(settings)
        self.contexts = TlsContexts(files) if files is not None else None
        ports = Ports(settings)
        self.port, self.tls_port = ports.plain_port, ports.tls_port
        link = Link(settings.broker_url.get_secret_value(), settings.gateway_name)
        try:
            async with asyncio.TaskGroup() as group:
                await self._serve(group, link, ports, stop, at_once or asyncio.Event())
                # Lanes hold on to what the broker does not take: nobody waits for that any more.
                raise _Ended
        except* _Ended:
            pass
        finally:
            ports.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DISCONNECT_S):
                    await link.close()

    async def _serve(
        self,
        group: asyncio.TaskGroup,
        link: Link,
        ports: Ports,
        stop: asyncio.Event,
        at_once: asyncio.Event,
    ) -> None:
        settings = self._settings
        broker = self.broker = BrokerSide(
            settings.gateway_name,
            VERSION,
            link,
            group,
            records=settings.recorder,
            refused_ids_per_address=settings.refused_ids_per_address,
            on_created=self.policy.created,
        )
        addresses = ClientAddresses(parse_networks(settings.trusted_proxies))
        handshakes = self._handshakes(broker, addresses)
        listener = self._listener(handshakes, ports, addresses)
        probes = ProbeServer(
            settings.bind, settings.probe_port, self._readiness, warnings=self.warnings
        )
        probing = group.create_task(probes.run())
        await broker.declare()
        broker.start()
        group.create_task(listener.run_clock())
        if self.contexts is not None:
            group.create_task(self.contexts.run())
        if await self._can_serve(stop):
            ports.listen()
            await listener.start()
            self.started.set()
            log.info(
                "listening",
                host=settings.bind,
                port=self.port,
                tls_port=self.tls_port or None,
                capacity=self.limiter.capacity,
            )
            broker.system.notices.add(started(SERVICE, broker.own_queue.incarnation))
        await stop.wait()
        await self._end(broker, handshakes, listener, at_once)
        probes.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DISCONNECT_S):
                await asyncio.shield(probing)

    def _handshakes(self, broker: BrokerSide, addresses: ClientAddresses) -> Handshakes:
        settings = self._settings
        return Handshakes(
            broker,
            addresses,
            settings.credential_pepper.get_secret_value().encode(),
            lambda: not self.missing(),
            settings.limits(),
            self.policy,
            self.limiter,
        )

    def _listener(
        self, handshakes: Handshakes, ports: Ports, addresses: ClientAddresses
    ) -> Listener:
        settings = self._settings
        return Listener(
            handshakes,
            self.limiter,
            ports.plain,
            ports.secured,
            self.contexts,
            lambda peer: settings.tls_proxy_protocol and addresses.is_trusted(peer),
            settings.admission_wait_seconds,
            settings.frames_per_second,
        )

    async def _can_serve(self, stop: asyncio.Event) -> bool:
        """Wait until nothing is missing any more; False where the process is to end before."""
        logged: dict[str, str] = {}
        while (missing := self._missing_parts()) and not stop.is_set():
            if missing != logged:
                log.info("not_listening_yet", missing=missing)
                logged = missing
            await asyncio.sleep(_READY_POLL_S)
        return not stop.is_set()

    def missing(self) -> dict[str, str]:
        """Return what keeps stations from being served, by name."""
        missing = self._missing_parts()
        if not missing and not self.started.is_set():
            return {"gateway": "starting"}
        return missing

    def _missing_parts(self) -> dict[str, str]:
        if self._draining:
            return {"gateway": "draining"}
        if self.broker is None:
            return {"gateway": "starting"}
        missing = self.broker.missing()
        if self.limiter.is_full:
            missing["room"] = "as many sockets are open as may be"
        return missing

    def warnings(self) -> dict[str, str]:
        """Return what is wrong and keeps nobody from being served."""
        if self.contexts is None:
            return {}
        found = {
            name: f"ends at {format_time(end)}"
            for name, end in self.contexts.expiry.soon(utc_now()).items()
        }
        if self.contexts.problem is not None:
            found["tls"] = f"{self.contexts.problem}; the files read before go on counting"
        return found

    async def _readiness(self) -> dict[str, str]:
        return self.missing()

    async def _end(
        self,
        broker: BrokerSide,
        handshakes: Handshakes,
        listener: Listener,
        at_once: asyncio.Event,
    ) -> None:
        self._draining = handshakes.draining = broker.lease.draining = True
        draining = asyncio.create_task(self._drain(broker, listener))
        hurrying = asyncio.create_task(at_once.wait())
        try:
            await asyncio.wait(
                {draining, hurrying},
                timeout=self._settings.drain_seconds + END_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not draining.done():
                reason = "second signal" if hurrying.done() else "took too long"
                log.warning("drain_cut_short", reason=reason, connections=len(broker.connections))
        finally:
            for task in (draining, hurrying):
                task.cancel()
            await asyncio.wait({draining, hurrying})
            await listener.abort()
        if not draining.cancelled():
            draining.result()

    async def _drain(self, broker: BrokerSide, listener: Listener) -> None:
        log.info("draining", connections=len(broker.connections))
        listener.stop_accepting()
        await close_spread(listener.handlers, self._settings.drain_seconds)
        # Those whose handshake was under way.
        for handler in listener.handlers:
            handler.close(SERVICE_RESTART, "service restart")
        await broker.flush(_FLUSH_S)
        await listener.finish()
        instance, ran_s = broker.own_queue.incarnation, monotonic() - self._began
        broker.system.notices.add(stopped(SERVICE, instance, ran_s))
        await broker.flush(_FLUSH_S)
        await broker.lease.give_up()
        log.info("drained", unsent=broker.unsent)
