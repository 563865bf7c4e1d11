"""Everything between this gateway and RabbitMQ, put together."""

import asyncio
import contextlib
from collections.abc import Callable

from csms_shared.broker.errors import BrokerError
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import STATION_REGISTRY, service_queues
from csms_shared.runtime.clock import monotonic
from ws_gateway import metrics
from ws_gateway.amqp.batch_delay import BatchDelay
from ws_gateway.amqp.calls import CallLanes
from ws_gateway.amqp.claims import Claims
from ws_gateway.amqp.command_reports import CommandReports
from ws_gateway.amqp.connections import Connections
from ws_gateway.amqp.lane import Backlog
from ws_gateway.amqp.lease import Lease
from ws_gateway.amqp.lease_route import LeaseRoute
from ws_gateway.amqp.message_router import MessageRouter
from ws_gateway.amqp.notices import Notices
from ws_gateway.amqp.own_queue import OwnQueue
from ws_gateway.amqp.reassertions import Reassertions
from ws_gateway.amqp.recorder import Recorder
from ws_gateway.amqp.refusal_reports import RefusalReports
from ws_gateway.amqp.services import OWNING_SERVICES, ServiceWatch
from ws_gateway.amqp.system_reports import SystemReports
from ws_gateway.domain.connection import SERVICE_RESTART

_SWEEP_S = 1.0
_FLUSH_POLL_S = 0.02


class BrokerSide:
    """The lanes and watches of one gateway; tasks run in `group`."""

    def __init__(
        self,
        gateway_name: str,
        version: str,
        link: Link,
        group: asyncio.TaskGroup,
        *,
        records: bool,
        refused_ids_per_address: int,
        on_created: Callable[[str], None],
    ) -> None:
        self._group = group
        self._on_created = on_created
        self._link = link
        publisher = Publisher(link)
        self._backlog = backlog = Backlog(on_full=self._backlog_full)
        metrics.BACKLOG_ITEMS.set_function(lambda: backlog.items)
        metrics.BACKLOG_BYTES.set_function(lambda: backlog.size)
        self.connections = Connections()
        self.own_queue = OwnQueue(gateway_name, link, publisher)
        self.services = {
            name: ServiceWatch(name, link, self.own_queue, self._service_away)
            for name in OWNING_SERVICES
        }
        registry = self.services[STATION_REGISTRY]
        self.batch_delay = BatchDelay()
        self.calls = CallLanes(
            group, publisher, backlog, self.own_queue, self.services, self.batch_delay
        )
        self.notices = Notices(group, publisher, backlog, self.own_queue, registry)
        self.refusals = RefusalReports(
            group, publisher, self.own_queue, registry, refused_ids_per_address
        )
        self.system = SystemReports(group, publisher, self.own_queue, registry)
        self.claims = Claims(
            group, publisher, backlog, self.own_queue, registry, self.notices, gateway_name
        )
        self.reports = CommandReports(
            group, publisher, backlog, self.own_queue, link, self._commands_full
        )
        route = LeaseRoute()
        self._reassertions = Reassertions(
            gateway_name, self.own_queue, publisher, self.connections, route
        )
        self.lease = Lease(
            gateway_name, version, self.own_queue, self.connections, self._reassertions, route
        )
        # Its own channels: one that refused recordings is given up with all that waits on it.
        self.recorder = Recorder(Publisher(link), link, self.own_queue) if records else None

    @property
    def takes_upgrades(self) -> bool:
        """Tell whether a station that connects now can be served."""
        return self.own_queue.consuming and all(
            service.takes_upgrades for service in self.services.values()
        )

    async def services_prove_themselves(self) -> bool:
        """Tell whether a station that connects now can be served, after a probe where in doubt."""
        for service in self.services.values():
            if not await service.proves_itself():
                return False
        return self.takes_upgrades

    @property
    def unsent(self) -> int:
        """Count what the broker has not confirmed yet."""
        return self._backlog.items

    @property
    def _is_idle(self) -> bool:
        lanes = (self.calls, self.reports, self.notices, self.refusals, self.system)
        return all(lane.idle for lane in lanes) and (self.recorder is None or self.recorder.idle)

    def missing(self) -> dict[str, str]:
        """Return what keeps stations from being served, by name."""
        missing = {
            name: "does not answer"
            for name, service in self.services.items()
            if not service.takes_upgrades
        }
        if not self._link.is_open():
            missing["broker"] = "not connected"
        elif not self.own_queue.consuming:
            missing["own queue"] = "not consuming"
        if not self.lease.confirmed:
            missing["lease"] = "not confirmed"
        return missing

    def start(self) -> None:
        """Start consuming, probing, renewing and telling."""
        router = MessageRouter(
            self.own_queue,
            self.connections,
            self.claims,
            self.lease,
            self._reassertions,
            self.reports,
            self.batch_delay,
            self._on_created,
        )
        coroutines = [
            self.own_queue.run(router.handle, lambda _: self.lease.lose()),
            *(service.run() for service in self.services.values()),
            self.lease.run(),
            self._reassertions.run(),
            self.notices.run(),
            self.refusals.run(),
            self.system.run(),
            self._sweep(),
        ]
        if self.recorder is not None:
            coroutines.append(self.recorder.run())
        for coroutine in coroutines:
            self._group.create_task(coroutine)

    async def declare(self) -> None:
        """Declare the services' queues, so that no early call is returned.

        Not those of leases and re-assertions: that they are there says who reads them.
        A broker that is still away is no error here: readiness and returned calls see to it.
        """
        with contextlib.suppress(BrokerError):
            for name in OWNING_SERVICES:
                await self._link.declare(*service_queues(name))

    async def flush(self, within_s: float) -> None:
        """Wait until everything on its way is stored, at most `within_s` seconds."""
        deadline = monotonic() + within_s
        while monotonic() < deadline:
            self.refusals.tell()
            self.system.tell(everything=True)
            if self.recorder is not None:
                self.recorder.hurry()
            if self._is_idle:
                return
            await asyncio.sleep(_FLUSH_POLL_S)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            self.claims.sweep()
            self.reports.forget_idle()

    def _backlog_full(self) -> None:
        self.system.notices.limit_reached(
            "backlog", "Too much waits for the broker: what came on top was not taken."
        )

    def _commands_full(self) -> None:
        self.system.notices.limit_reached(
            "commands", "A command was refused, because too many of its station wait already."
        )

    def _service_away(self, name: str) -> None:
        # Offline, a station queues without limit; unanswered, it burns one of a few attempts.
        for held in self.connections:
            if held.waits_for(name):
                held.close(SERVICE_RESTART, "service away")
