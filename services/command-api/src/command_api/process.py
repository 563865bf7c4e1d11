"""The composition root: everything of one running command-api, and the order of its end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from functools import partial

import structlog

from command_api.accounts.domain.login_limits import LoginLimits
from command_api.accounts.handlers.accounts import Accounts
from command_api.accounts.handlers.logins import Logins
from command_api.accounts.handlers.passwords import Passwords
from command_api.accounts.handlers.sessions import Sessions
from command_api.amqp.command_sender import GatewaySender
from command_api.amqp.consumers import OWN_CONSUMERS, make_consumers
from command_api.amqp.live_events import LiveEvents
from command_api.amqp.own_queue import watch_own_queues
from command_api.amqp.owner_map import OwnerMap
from command_api.amqp.replicas import Replicas
from command_api.amqp.services import BoundedServices, BrokerServices
from command_api.command_groups.handlers import (
    CommandGroups,
    complete_command_groups,
    end_cancelled,
)
from command_api.commands.domain.preparation import CommandEdge
from command_api.commands.handlers.cancelling import Cancelling
from command_api.commands.handlers.creation import CommandCreation
from command_api.commands.handlers.dispatch import Dispatch
from command_api.commands.handlers.overdue import finish_overdue
from command_api.commands.handlers.password_rotations import PasswordRotations
from command_api.commands.handlers.watched import WatchedCommands
from command_api.costs.handlers import CostsOfPages
from command_api.database import MIGRATIONS, SCHEMA
from command_api.database.engines import create_engines
from command_api.database.service_tables import bulk_action, outbox, parked
from command_api.database.upkeep import purges
from command_api.http.app import create_app
from command_api.http.routes.status import VERSION
from command_api.http.server import RestServer
from command_api.http.state import ApiState
from command_api.idempotency.handlers import IdempotentCreation
from command_api.live_events.handlers.hub import EventHub
from command_api.live_events.handlers.silence import break_silence
from command_api.live_events.handlers.stored_events import StoredEvents
from command_api.ocpp.preparations import Preparations
from command_api.overview.handlers import Overviews
from command_api.parked.handlers import ParkedItems
from command_api.ports import Services
from command_api.settings import CommandApiSettings
from command_api.system.handlers import Broker, SuiteState
from command_api.tenants.handlers import Tenants
from command_api.uploads.handlers import Uploads
from command_api.uploads.store.places import upload_files
from csms_shared.broker.incarnation import new_incarnation
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.queue_counts import queue_counts
from csms_shared.broker.replies import Replies
from csms_shared.broker.requests import Correlator, Requester
from csms_shared.broker.topology import COMMAND_API, command_api_queues, event_store_queue
from csms_shared.broker.work_queues import WorkQueueProbe
from csms_shared.db.engine import why_away
from csms_shared.db.migrate import missing_migrations
from csms_shared.db.outbox import OutboxRelay
from csms_shared.db.outbox_waiting import watch_outbox
from csms_shared.db.parked_requests import parked_operations
from csms_shared.db.system_events import SystemEvents
from csms_shared.db.tenancy import RequestEngines
from csms_shared.db.upkeep import Upkeep, UpkeepTask
from csms_shared.observability.probes import ProbeServer
from csms_shared.observability.system_notices import SystemNotices
from csms_shared.runtime.clock import monotonic
from csms_shared.runtime.errors import Unavailable
from csms_shared.runtime.retrying import until_available
from csms_shared.runtime.settings import SettingsProblem
from csms_shared.service.about import AboutInstance
from csms_shared.service.ending import end_tasks
from csms_shared.service.instance_notices import started, stopped
from csms_shared.values.trusted_proxies import TrustedProxies, parse_networks

log = structlog.get_logger(__name__)

_PREPARE_PAUSE_S = 0.5
_CHECKS_AT_ONCE = 20
_LAST_RELAY_S = 1.0


class NoAdministratorPassword(SettingsProblem):
    """There is no user yet, and no password for the first one."""


class CommandApi:
    """One instance of the service."""

    def __init__(self, settings: CommandApiSettings) -> None:
        self._settings = settings
        self._draining = False
        self._missing = {"migrations": "not looked at yet"}
        self._engines = engines = create_engines(settings.database_url.get_secret_value())
        incarnation = new_incarnation(COMMAND_API)
        broker_url = settings.broker_url.get_secret_value()
        self._link = Link(broker_url, incarnation)
        self._publisher = Publisher(self._link)
        correlator = Correlator(incarnation)
        services = BrokerServices(Requester(self._publisher, correlator))
        self._incarnation = incarnation
        self._notices = SystemNotices(COMMAND_API, lambda: incarnation)
        self._relay = OutboxRelay(engines.outbox, outbox, self._publisher, self._notices.add)
        self._system_events = SystemEvents(
            engines.work, outbox, self._notices, f"/csms/{COMMAND_API}", self._relay.wake
        )
        self._owners = OwnerMap(services)
        self._sender = GatewaySender(self._publisher, incarnation)
        self._watched = WatchedCommands()
        self._hub = EventHub()
        self._stored_events = StoredEvents(services)
        # Those that are stored and checked late may be many: no order that comes waits for them.
        edge_of_orders, edge_of_stored = (
            Preparations(
                BoundedServices(services, _CHECKS_AT_ONCE // 2), settings.min_password_length
            )
            for _ in range(2)
        )
        self._dispatch = Dispatch(
            engine=engines.work,
            owners=self._owners,
            edge=edge_of_stored,
            sender=self._sender,
            watched=self._watched,
            wake_relay=self._relay.wake,
        )
        edge = Preparations(services, settings.min_password_length)
        self._commands = self._command_creation(edge, services)
        self._groups = CommandGroups(
            engine=engines.work,
            owners=self._owners,
            services=services,
            edge=edge_of_stored,
            sending=self._dispatch,
            wake_relay=self._relay.wake,
        )
        self._rotations = PasswordRotations(engines.work, services)
        passwords = Passwords()
        self._tenants = Tenants(services)
        self._logins = Logins(
            engines.entry,
            passwords,
            settings.token_secret.get_secret_value(),
            LoginLimits(settings.login_attempts, settings.login_window_seconds),
            Replicas(self._publisher).accounts_changed,
        )
        # What leaves the outbox needs its queue, whether the event store has started or not.
        self._queues = WorkQueueProbe(
            self._link, self._publisher, (*command_api_queues(), event_store_queue())
        )
        self._uploads = Uploads(
            RequestEngines(engines.rest, engines.entry),
            files=upload_files(settings.upload_store, settings.bucket_access()),
            public_url=settings.public_url,
            max_bytes=settings.upload_max_mb * 1024 * 1024,
        )
        self._sweep = Upkeep(engines.sweep, SCHEMA, (finish_overdue(),), self._notices.add)
        self._upkeep = Upkeep(
            engines.upkeep,
            SCHEMA,
            (
                end_cancelled(self._relay.wake),
                complete_command_groups(),
                self._purge_uploads(),
                *self._purges(),
            ),
            self._notices.add,
        )
        self._probes = ProbeServer(settings.bind, settings.probe_port, self.missing, self._warnings)
        self._consumers = make_consumers(
            link=self._link,
            publisher=self._publisher,
            replies=Replies(self._publisher, lambda: Publisher(self._link)),
            engine=engines.work,
            incarnation=incarnation,
            correlator=correlator,
            owners=self._owners,
            edge=edge_of_orders,
            watched=self._watched,
            dispatch=self._dispatch,
            rotations=self._rotations,
            relay=self._relay,
            accounts_changed=self._logins.forget,
            tell=self._notices.add,
        )
        self._live_events = LiveEvents(self._link, incarnation, self._hub)
        app = create_app(self._api_state(edge, services, passwords))
        self._server = RestServer(app, settings.bind, settings.http_port)

    def _command_creation(self, edge: CommandEdge, services: Services) -> CommandCreation:
        return CommandCreation(
            engines=RequestEngines(self._engines.rest, self._engines.entry),
            owners=self._owners,
            edge=edge,
            services=services,
            dispatch=self._dispatch,
            watched=self._watched,
            broker_is_up=self._link.is_open,
            pepper=self._settings.credential_pepper.get_secret_value().encode(),
            secret=self._settings.token_secret.get_secret_value().encode(),
        )

    def _api_state(self, edge: CommandEdge, services: Services, passwords: Passwords) -> ApiState:
        settings, engine = self._settings, self._engines.rest
        own_parked = parked_operations(
            self._engines.entry, self._publisher, parked, bulk_action, COMMAND_API
        )
        secret = settings.token_secret.get_secret_value().encode()
        accounts = Accounts(engine, passwords, self._logins)
        parked_items = ParkedItems(services, own_parked)
        return ApiState(
            engine=engine,
            tenants=self._tenants,
            logins=self._logins,
            accounts=accounts,
            sessions=Sessions(engine, passwords, self._logins, accounts),
            commands=self._commands,
            cancelling=Cancelling(self._engines.entry, self._watched, self._relay.wake),
            groups=self._groups,
            edge=edge,
            creations=IdempotentCreation(engine, secret),
            watched=self._watched,
            services=services,
            costs=CostsOfPages(services),
            owners=self._owners,
            parked=parked_items,
            uploads=self._uploads,
            overviews=Overviews(engine, services, self._stored_events, self._tenants, parked_items),
            suite=self._suite_state(services),
            hub=self._hub,
            stored_events=self._stored_events,
            readiness=self.missing,
            broker_is_up=self._link.is_open,
            trusted_proxies=TrustedProxies(parse_networks(settings.trusted_proxies)),
            pepper=settings.credential_pepper.get_secret_value().encode(),
            min_password_length=settings.min_password_length,
            limit_reached=self._notices.limit_reached,
        )

    def _suite_state(self, services: Services) -> SuiteState:
        about = AboutInstance(COMMAND_API, self._incarnation, self._warnings, self._consumers)
        broker = Broker(
            self._link.is_open, self._link.broker_version, partial(queue_counts, self._link)
        )
        return SuiteState(self._engines.entry, services, broker, about, VERSION)

    async def missing(self) -> dict[str, str]:
        """Return what keeps this instance from serving, by name."""
        missing = dict(self._missing)
        if self._draining:
            missing["draining"] = "the service is about to end"
        if not self._link.is_open():
            missing["broker"] = "no connection"
        missing |= self._queues.missing()
        for consumer in self._consumers:
            if not consumer.consuming:
                missing["consumers"] = "not all queues are consumed"
        away = await why_away(self._engines.entry)
        if away is not None:
            missing["database"] = away
        return missing

    def _purges(self) -> tuple[UpkeepTask, ...]:
        return purges(
            command_days=self._settings.command_retention_days,
            audit_days=self._settings.audit_retention_days,
        )

    def _warnings(self) -> dict[str, str]:
        return self._relay.warnings() | self._sweep.warnings() | self._upkeep.warnings()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then finish what is begun.

        Raises:
            SettingsProblem: first start without `CSMS_ADMIN_PASSWORD`, or uploads can't be kept.
            PortTaken: REST or the probes can't listen.
            OwnQueueLost: only a new incarnation can have a queue of its own.
        """
        work = (
            self._prepare(),
            self._queues.run(),
            self._relay.run(),
            self._system_events.run(),
            watch_outbox(self._engines.work),
            self._owners.lookups.run(),
            self._commands.inserts.run(),
            self._logins.look_ups.run(),
            self._tenants.run(),
            self._dispatch.run(),
            self._groups.run(),
            self._rotations.run(),
            self._sweep.run(),
            self._upkeep.run(),
            *(consumer.run() for consumer in self._consumers),
            self._live_events.run(),
            break_silence(self._hub, self._stored_events),
            watch_own_queues(self._link.is_open, self._consumers[:OWN_CONSUMERS]),
            self._probes.run(),
        )
        began = monotonic()
        self._notices.add(started(COMMAND_API, self._incarnation))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in work]
            rest = group.create_task(self._server.run())
            await _first(stop.wait(), rest)
            self._draining = True
            self._watched.close()
            self._hub.close()
            self._server.stop()
            await rest
            await self._dispatch.drain()
            await asyncio.gather(*(consumer.stop(2.0) for consumer in self._consumers))
            self._probes.stop()
            await end_tasks(tasks)
        self._notices.add(stopped(COMMAND_API, self._incarnation, monotonic() - began))
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(_LAST_RELAY_S):
                await self._system_events.write(everything=True)
                await self._relay.relay_round()

    def _purge_uploads(self) -> UpkeepTask:
        days = self._settings.upload_retention_days
        return UpkeepTask(
            "purge_uploads", 600.0, lambda connection: self._uploads.purge(connection, days)
        )

    async def _prepare(self) -> None:
        """Wait for database and migrations, then see to the first administrator."""
        await self._uploads.check()
        await until_available(Unavailable, longest_s=_PREPARE_PAUSE_S)(self._prepare_once)

    async def _prepare_once(self) -> None:
        try:
            found = await missing_migrations(self._engines.entry, SCHEMA, MIGRATIONS)
        except Unavailable as error:
            self._missing = {"database": str(error)[:200]}
            raise
        if found is not None:
            self._missing = {"migrations": found}
            raise Unavailable(found)
        password = self._settings.admin_password
        ready = await self._logins.ensure_administrator(
            None if password is None else password.get_secret_value()
        )
        if not ready:
            raise NoAdministratorPassword(
                "CSMS_ADMIN_PASSWORD: required, because there is no user yet"
            )
        self._missing = {}

    async def close(self) -> None:
        """Let go of broker and database."""
        await self._sender.close()
        await self._link.close()
        await self._engines.dispose()


async def _first(*awaitables: Awaitable[object]) -> None:
    """Wait for the first of these, and leave the others as they are."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    tasks[0].cancel()


@contextlib.asynccontextmanager
async def command_api(settings: CommandApiSettings) -> AsyncIterator[CommandApi]:
    """Build an instance, and close what it holds at the end."""
    service = CommandApi(settings)
    try:
        yield service
    finally:
        await service.close()
