"""Each alert is silent while the suite is well, and fires when its cause is there."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from csms_local.nodes.ports import free_port
from csms_local.run_state import RunState
from csms_shared.broker.declarations import Binding, Queue
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.broker.topology import EVENTS, SESSION_SERVICE, event_store_queue, reports_queue
from csms_shared.contracts.message_types import MessageType
from csms_simulator.operator import Operator
from tests.operations.alerts import Watch, probes_of, read_alerts
from tests.operations.conftest import Certificates, Surroundings

IDLE_S = 10.0
# Of a machine with much else to do.
WITHIN_S = 300.0
_PROVOKED: set[str] = set()


def fires(*alerts: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Say which alerts a test provokes; that takes as long as the alert waits."""
    _PROVOKED.update(alerts)
    marks = pytest.mark.long
    return pytest.mark.parametrize(
        "alerts", [pytest.param(alerts, id=",".join(alerts), marks=marks)]
    )


@pytest.fixture
def home(surroundings: Surroundings) -> Path:
    return surroundings.suite.home


@pytest.fixture
async def watch(home: Path) -> AsyncIterator[Watch]:
    """Look at a suite that is ready, and leave it only when it is so again."""
    await _until_ready(home)
    yield Watch(probes_of(home))
    await _until_ready(home)


async def _until_ready(home: Path) -> None:
    async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(WITHIN_S):
        for url in probes_of(home).values():
            while not await _is_ready(http, url):
                await asyncio.sleep(0.1)


async def _is_ready(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(f"{url}/readyz")).status_code == 200
    except httpx.HTTPError:
        return False


class Station:
    """A socket and calls, one after the other."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._calls = 0

    @classmethod
    async def connected(cls, url: str) -> "Station":
        return cls(
            await connect(
                f"{url}/OPS-{secrets.token_hex(4)}",
                subprotocols=[Subprotocol("ocpp1.6")],
                compression=None,
            )
        )

    async def call(self, action: str, **payload: object) -> None:
        self._calls += 1
        await self.socket.send(json.dumps([2, str(self._calls), action, payload]))
        while json.loads(await self.socket.recv())[0] == 2:
            pass  # A call of the suite's, such as a trigger: nobody answers here.

    async def boot(self) -> None:
        await self.call("BootNotification", chargePointVendor="V", chargePointModel="M")

    async def report(self) -> None:
        await self.call(
            "StatusNotification", connectorId=1, errorCode="NoError", status="Available"
        )


async def _charge(station: Station, token: str) -> None:
    await station.boot()
    await station.call("Authorize", idTag=token)
    for _ in range(20):
        await station.report()
        await station.call("Heartbeat")


async def test_none_fires_while_the_suite_is_well(
    watch: Watch, run: RunState, operator: Operator, id_token: str
) -> None:
    watching = asyncio.create_task(watch.run())
    # A command whose end is told to nobody, and a reader of events who comes and goes.
    stations = [await Station.connected(run.ocpp_url) for _ in range(10)]
    await asyncio.gather(*(_charge(station, id_token) for station in stations))
    for station in stations[:5]:
        await station.socket.close()
    again = [await Station.connected(run.ocpp_url) for _ in range(5)]
    await asyncio.gather(*(_charge(station, id_token) for station in again))
    assert (await operator.http.get("/stations")).status_code == 200
    await asyncio.sleep(IDLE_S)
    watching.cancel()
    # It was a suite at work: events left it that nobody follows, and nothing waits any more.
    assert watch.value("csms_bus_publish_total", exchange="csms.events.v1", outcome="ack") > 0
    assert watch.value("csms_ocpp_messages_total", action="StatusNotification") >= 300
    assert watch.value("csms_outbox_pending") == 0
    assert watch.value("csms_outbox_oldest_age_seconds") == 0
    assert watch.value("csms_outbox_unstored") == 0
    assert watch.value("csms_gateway_connections") == 10
    assert watch.value("up") == 7
    assert watch.fired == set()
    for station in stations[5:] + again:
        await station.socket.close()


@contextlib.asynccontextmanager
async def _knocking(url: str, send: bool) -> AsyncIterator[None]:
    """Have stations connect, report and come back for as long as the context lasts.

    Those that are to be turned away come to a gateway itself: a balancer sends nobody to a gateway
    that says it is not ready, and how soon that is depends on the machine.
    """

    async def knock() -> None:
        while True:
            try:
                async with asyncio.timeout(20):
                    station = await Station.connected(url)
                    await station.boot()
                    while send:
                        await station.report()
            except (OSError, InvalidHandshake, ConnectionClosed):
                await asyncio.sleep(0.2)

    async def report(station: Station) -> None:
        with contextlib.suppress(OSError, ConnectionClosed):
            while send:
                await station.report()

    connected = [await Station.connected(url) for _ in range(4)]
    for station in connected:
        await station.boot()
    tasks = [asyncio.create_task(report(station)) for station in connected]
    tasks.append(asyncio.create_task(knock()))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for station in connected:
            await station.socket.close()


@fires("CsmsDatabaseAway", "CsmsServiceAway", "CsmsStationsTurnedAway", "CsmsQueueBacklog")
async def test_the_database_is_stopped(
    watch: Watch, run: RunState, surroundings: Surroundings, alerts: tuple[str, ...]
) -> None:
    async with _knocking(run.gateways[0].ocpp_url, send=True):
        await watch.look()
        surroundings.nodes.end("database")
        try:
            await watch.until_fired(*alerts)
        finally:
            surroundings.nodes.begin("database")


async def _tell(run: RunState, *, seconds_ago: int) -> None:
    """Leave an event in the registry's outbox, as if it had been committed so long ago.

    It is one that the suite itself follows: another has nowhere to go to but the event store.
    """
    event = {
        "id": secrets.token_hex(8),
        "source": "/csms/station-registry",
        "type": "csms.station.offline.v1",
        "subject": "OPS-TRIED",
        "time": "2026-11-24T07:00:00.000Z",
        "data": {"station_id": "OPS-TRIED", "epoch": 1, "reason": "connection_lost"},
    }
    database = await asyncpg.connect(run.database_url)
    try:
        await database.execute(
            "INSERT INTO registry.outbox (routing_key, events, event_count, created_at) "
            "VALUES ('station.offline', $1, 1, now() - make_interval(secs => $2))",
            json.dumps([event]).encode(),
            seconds_ago,
        )
    finally:
        await database.close()


@fires("CsmsPublishFails", "CsmsItemsDropped", "CsmsRecordingGaps", "CsmsOutboxStuck")
async def test_the_broker_is_stopped(
    watch: Watch, run: RunState, surroundings: Surroundings, alerts: tuple[str, ...]
) -> None:
    async with _knocking(run.ocpp_url, send=True):
        await watch.look()
        surroundings.nodes.end("broker")
        try:
            # As if a fact had been committed at the moment in which the broker ended.
            await _tell(run, seconds_ago=25)
            await watch.until_fired(*alerts)
        finally:
            surroundings.nodes.begin("broker")


@fires("CsmsProcessDown", "CsmsServiceAway", "CsmsStationsTurnedAway")
async def test_a_service_is_killed_and_stays_away(
    watch: Watch, run: RunState, surroundings: Surroundings, alerts: tuple[str, ...]
) -> None:
    supervisor = surroundings.suite.process.pid
    async with _knocking(run.gateways[0].ocpp_url, send=False):
        await watch.look()
        # Who would start it again within a second is kept from it.
        os.kill(supervisor, signal.SIGSTOP)
        try:
            os.kill(run.services["session-service"], signal.SIGKILL)
            await watch.until_fired(*alerts)
        finally:
            os.kill(supervisor, signal.SIGCONT)


@fires("CsmsEventsUnstored")
async def test_the_queue_of_the_event_store_is_gone_and_nobody_makes_it_again(
    watch: Watch, run: RunState, surroundings: Surroundings, alerts: tuple[str, ...]
) -> None:
    supervisor = surroundings.suite.process.pid
    await watch.look()
    os.kill(supervisor, signal.SIGSTOP)
    try:
        os.kill(run.services["integration-service"], signal.SIGKILL)
        await _delete_queue(run, event_store_queue().name)
        await _tell(run, seconds_ago=55)
        await watch.until_fired(*alerts)
    finally:
        os.kill(supervisor, signal.SIGCONT)
    async with asyncio.timeout(WITHIN_S):
        while watch.value("csms_outbox_unstored"):
            await asyncio.sleep(0.5)
            await watch.look()


@fires("CsmsItemsParked")
async def test_a_message_is_none_that_a_service_understands(
    watch: Watch, run: RunState, alerts: tuple[str, ...]
) -> None:
    await watch.look()
    queue = reports_queue(SESSION_SERVICE).name
    body = json.dumps({"version": "ocpp16", "action": "MeterValues", "items": [{"no": "call"}]})
    async with Link(run.broker_url, "test") as link:
        await Publisher(link).publish(
            Outgoing(DEFAULT_EXCHANGE, queue, MessageType.CALLS, body.encode())
        )
        await watch.until_fired(*alerts)


@fires("CsmsSubscriberRefuses")
async def test_a_queue_of_a_subscriber_is_full(
    watch: Watch, run: RunState, alerts: tuple[str, ...]
) -> None:
    full = Queue(
        "operations-tests.full.v1",
        {"x-queue-type": "classic", "x-max-length": 1, "x-overflow": "reject-publish"},
        (Binding(EVENTS, "#"),),
    )
    async with Link(run.broker_url, "test") as link:
        await link.declare(full)
        try:
            async with _knocking(run.ocpp_url, send=True):
                await watch.until_fired(*alerts)
            # Nobody else is concerned.
            assert "CsmsPublishFails" not in watch.fired
            assert watch.value("csms_outbox_pending") == 0
        finally:
            await _delete_queue(run, full.name)


@fires("CsmsUpkeepFails")
async def test_a_periodic_task_fails(watch: Watch, run: RunState, alerts: tuple[str, ...]) -> None:
    database = await asyncpg.connect(run.database_url)
    await database.execute("ALTER TABLE session.reservation RENAME TO reservation_away")
    try:
        await watch.until_fired(*alerts)
    finally:
        await database.execute("ALTER TABLE session.reservation_away RENAME TO reservation")
        await database.close()


@fires("CsmsCallsSlow")
async def test_the_database_answers_late(
    watch: Watch, run: RunState, id_token: str, alerts: tuple[str, ...]
) -> None:
    await watch.look()
    database = await asyncpg.connect(run.database_url)

    async def enter() -> Station:
        while True:
            with contextlib.suppress(OSError, InvalidHandshake, ConnectionClosed):
                station = await Station.connected(run.ocpp_url)
                await station.boot()
                return station
            await asyncio.sleep(0.2)

    async def authorize(station: Station) -> None:
        # Where the service was late enough to count as away, the next attempt may be in time.
        with contextlib.suppress(ConnectionClosed):
            await station.call("Authorize", idTag=id_token)
            await station.socket.close()

    async with asyncio.timeout(WITHIN_S):
        while not watch.fired >= set(alerts):
            stations = await asyncio.gather(*(enter() for _ in range(12)))
            async with database.transaction():
                await database.execute("LOCK TABLE session.id_token IN ACCESS EXCLUSIVE MODE")
                asked = asyncio.gather(*(authorize(station) for station in stations))
                await asyncio.sleep(2.8)
            await asked
            for _ in range(15):
                await watch.look()
                await asyncio.sleep(0.5)
    await database.close()


async def _delete_queue(run: RunState, name: str) -> None:
    async with Link(run.broker_url, "test") as link:
        channel = await link.consume_channel(1)
        await channel.queue_delete(name)
        await channel.close()


def _environment_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(line.split("=", 1) for line in lines if "=" in line)


@fires("CsmsGatewayNearlyFull")
async def test_a_gateway_holds_nearly_all_the_stations_that_it_may(
    home: Path, run: RunState, alerts: tuple[str, ...]
) -> None:
    settings = _environment_of(run.gateways[0].pid)
    port, probes = free_port(), free_port()
    settings |= {"CSMS_GATEWAY_NAME": "small", "CSMS_GATEWAY_PORT": str(port)}
    settings |= {"CSMS_PROBE_PORT": str(probes), "CSMS_DRAIN_SECONDS": "0"}
    for name in ("CSMS_TLS_PORT", "CSMS_TLS_LISTEN_FD", "CSMS_OCPP_LISTEN_FD"):
        settings.pop(name, None)
    gateway = await asyncio.create_subprocess_exec(
        "prlimit",
        # 100 for the gateway itself, a quarter of the rest for sockets that ask for nothing yet.
        "--nofile=140:140",
        str(Path(sys.executable).parent / "ws-gateway"),
        "serve",
        env=settings,
    )
    url = f"http://127.0.0.1:{probes}"
    try:
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(WITHIN_S):
            while not await _is_ready(http, url):
                await asyncio.sleep(0.1)
        watch = Watch({"small": url})
        stations = [await Station.connected(f"ws://127.0.0.1:{port}/ocpp") for _ in range(28)]
        await watch.until_fired(*alerts)
        assert watch.value("csms_gateway_connection_capacity") == 30
        assert watch.value("csms_gateway_connections") == len(stations)
    finally:
        gateway.terminate()
        await gateway.wait()


@fires("CsmsRestRefuses")
async def test_more_log_in_at_once_by_one_name_than_may_wait(
    watch: Watch, run: RunState, alerts: tuple[str, ...]
) -> None:
    await watch.look()
    async with httpx.AsyncClient(trust_env=False, timeout=WITHIN_S) as http:
        wrong = {"username": "nobody", "password": "wrong"}
        url = f"{run.rest_url}/api/v1/auth/token"
        await asyncio.gather(*(http.post(url, data=wrong) for _ in range(60)))
    await watch.until_fired(*alerts)


@fires("CsmsTlsFilesBroken")
async def test_new_tls_files_cannot_be_used(
    watch: Watch, certificates: Certificates, alerts: tuple[str, ...]
) -> None:
    (certificates.folder / "server.pem").write_text("no certificate")
    await watch.until_fired(*alerts)
    certificates.write_server(days=60)


@fires("CsmsTlsCertificateEnds", "CsmsTlsRevocationListEnds")
async def test_the_certificate_and_the_revocation_list_end_soon(
    watch: Watch, certificates: Certificates, alerts: tuple[str, ...]
) -> None:
    certificates.write_server(days=13)
    certificates.write_list(days=0.9)
    await watch.until_fired(*alerts)
    certificates.write_server(days=60)
    certificates.write_list(days=7)


@pytest.fixture
def certificates(surroundings: Surroundings) -> Certificates:
    return surroundings.certificates


@fires("CsmsTransactionIdsRunOut")
async def test_most_transaction_ids_are_used_up(
    watch: Watch, run: RunState, alerts: tuple[str, ...]
) -> None:
    database = await asyncpg.connect(run.database_url)
    await database.execute("SELECT setval('session.transaction_id', 1800000000)")
    # It is measured at the start and every five minutes.
    os.kill(run.services["session-service"], signal.SIGKILL)
    await watch.until_fired(*alerts)
    await database.execute("SELECT setval('session.transaction_id', 1000)")
    await database.close()


def test_each_alert_has_a_test_that_provokes_it() -> None:
    assert {alert.name for alert in read_alerts()} == _PROVOKED
