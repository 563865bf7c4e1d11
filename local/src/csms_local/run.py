"""One run of the suite: start everything in order, keep it running, stop it in order."""

import resource
import signal
import socket
import time
from types import FrameType

from csms_local.balancer import Endpoint, find_haproxy, haproxy_program, shared_listening_socket
from csms_local.errors import PortTakenError
from csms_local.leftovers import ChildRecord
from csms_local.nodes.ports import KeptPorts, is_free
from csms_local.nodes.postgres import PostgresNode
from csms_local.nodes.private import NODES, READY_SECONDS, TOOLS, start_nodes
from csms_local.nodes.rabbitmq import RabbitMQNode
from csms_local.nodes.rabbitmq_packages import find_or_fetch
from csms_local.processes import Program
from csms_local.progress import Console
from csms_local.run_state import GatewayState, RunState
from csms_local.services import ADMINISTRATOR, DRAIN_SECONDS, ServicePlan
from csms_local.settings import RunSettings
from csms_local.state_folder import StateFolder
from csms_local.supervisor import Supervisor

_MIGRATION_SECONDS = 120.0
_SERVICE_READY_SECONDS = 90.0
_CHECK_SECONDS = 0.1
# Together below the 10 s within which a stop has promised to be over.
_STOP_GATEWAYS_SECONDS = DRAIN_SECONDS + 1.0
_STOP_SERVICES_SECONDS = 2.0
_STOP_NODES_SECONDS = 2.5
_OPEN_FILES = 65_536
_SERVICES = (
    "station-registry",
    "session-service",
    "command-api",
    "integration-service",
    "billing-service",
)


class StopRequested(Exception):
    """The person at the console, or whoever started us, wants the suite to end."""


class SuiteRun:
    """Everything between the start and the end of `csms-run`."""

    def __init__(self, settings: RunSettings, console: Console) -> None:
        self._settings = settings
        self._console = console
        self._state = StateFolder(settings.home)
        self._record = ChildRecord(self._state.home / "children.json")
        self._supervisor = Supervisor(console, self._pids_changed)
        self._endpoint = Endpoint(settings.bind, settings.ocpp_port)
        self._listening: list[socket.socket] = []
        self._gateway_ports: dict[str, int] = {}
        self._broker_url = ""
        self._database_url = ""
        self._ready = False

    def run(self) -> None:
        """Run until a signal asks for the end; raise StartupError when it cannot be started."""
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in signals:
            signal.signal(number, _request_stop)
        self._state.acquire()
        try:
            self._start()
            self._announce()
            while True:
                self._supervisor.check()
                time.sleep(_CHECK_SECONDS)
        except StopRequested:
            self._console.line("stopping (once more to stop at once)")
        finally:
            for number in signals:
                signal.signal(number, self._stop_at_once)
            self._stop()

    def _start(self) -> None:
        self._record.end_leftovers()
        self._state.run_file.unlink(missing_ok=True)
        self._state.fresh_logs()
        self._check_public_ports()
        _raise_file_limit()
        ports = KeptPorts(self._state.home / "ports.json")
        if self._settings.nodes is None:
            self._start_nodes(ports)
        else:
            self._broker_url, self._database_url = self._settings.nodes
            self._console.line("using the broker and the database that were named")
        self._console.line("bringing the database schemas up to date")
        plan = ServicePlan(self._settings, self._state, ports, self._database_url, self._broker_url)
        self._keep_admin_password()
        self._supervisor.run_to_end(plan.migrations(), _MIGRATION_SECONDS)
        if self._settings.nodes is None:
            self._supervisor.wait_until_ready(["broker"], READY_SECONDS)
        self._start_services(plan)

    def _start_nodes(self, ports: KeptPorts) -> None:
        programs = find_or_fetch(TOOLS, self._console.line)
        broker = RabbitMQNode(self._state, ports, programs)
        database = PostgresNode(self._state, ports, fsync=self._settings.fsync)
        self._broker_url, self._database_url = broker.url, database.url
        self._console.line(f"starting RabbitMQ ({programs.origin}) and PostgreSQL {database.major}")
        start_nodes(self._supervisor, [broker], database)

    def _start_services(self, plan: ServicePlan) -> None:
        self._gateway_ports = plan.gateway_ports()
        self._console.line(f"starting the services and {len(self._gateway_ports)} gateways")
        listen_fd, balancer = self._open_ocpp_port()
        tls_fd = self._open_tls_port()
        for service in (
            plan.registry(),
            plan.sessions(),
            plan.command_api(),
            plan.integration(),
            plan.billing(),
            *(plan.gateway(name, listen_fd, tls_fd) for name in self._gateway_ports),
        ):
            self._supervisor.start(service.program, service.is_ready)
        names = [*_SERVICES, *self._gateway_ports]
        self._supervisor.wait_until_ready(names, _SERVICE_READY_SECONDS)
        if balancer is not None:
            # Last, because haproxy takes every gateway for a good one until its first check.
            self._supervisor.start(balancer, self._balancer_is_ready)
            self._supervisor.wait_until_ready(["balancer"], READY_SECONDS)
        self._ready = True
        self._pids_changed()

    def _open_ocpp_port(self) -> tuple[int | None, Program | None]:
        haproxy = find_haproxy()
        if haproxy is None:
            self._console.line("no haproxy here: the gateways share one listening socket")
            listening = shared_listening_socket(self._endpoint)
            self._listening.append(listening)
            return listening.fileno(), None
        log = self._state.log("balancer")
        return None, haproxy_program(
            haproxy, self._endpoint, self._gateway_ports, self._state.home, log
        )

    def _open_tls_port(self) -> int | None:
        port = self._settings.tls_port
        if port is None:
            return None
        listening = shared_listening_socket(Endpoint(self._settings.bind, port), "CSMS_TLS_PORT")
        self._listening.append(listening)
        return listening.fileno()

    def _balancer_is_ready(self) -> bool:
        host = self._settings.reachable_host.strip("[]")
        try:
            socket.create_connection((host, self._endpoint.port), timeout=1.0).close()
        except OSError:
            return False
        return True

    def _check_public_ports(self) -> None:
        for variable, port in (
            ("CSMS_OCPP_PORT", self._settings.ocpp_port),
            ("CSMS_HTTP_PORT", self._settings.http_port),
            ("CSMS_TLS_PORT", self._settings.tls_port),
        ):
            if port is not None and not is_free(port, self._settings.bind):
                raise PortTakenError(
                    f"port {port} of {self._settings.bind} is taken; "
                    f"set {variable} to another one, or stop what uses it"
                )

    def _keep_admin_password(self) -> None:
        given = self._settings.admin_password
        kept = self._state.secret("admin-password", given)
        if given is not None and given != kept:
            self._console.line(
                "CSMS_ADMIN_PASSWORD counts at the first start only; the administrator keeps "
                "the password of that start"
            )

    def _pids_changed(self) -> None:
        pids = self._supervisor.pids
        self._record.write(list(pids.values()))
        if self._ready:
            self._run_state(pids).write(self._state.run_file)

    def _run_state(self, pids: dict[str, int]) -> RunState:
        host = self._settings.reachable_host
        return RunState(
            ocpp_url=f"ws://{host}:{self._settings.ocpp_port}/ocpp",
            rest_url=f"http://{host}:{self._settings.http_port}",
            admin_username=ADMINISTRATOR,
            admin_password=self._state.secret("admin-password"),
            gateways=tuple(
                GatewayState(name, pids[name], f"ws://127.0.0.1:{port}/ocpp")
                for name, port in self._gateway_ports.items()
            ),
            services={
                name: pids[name] for name in (*_SERVICES, "broker", "database") if name in pids
            },
            broker_url=self._broker_url,
            database_url=self._database_url,
            ocpp_tls_url=None
            if self._settings.tls_port is None
            else f"wss://{host}:{self._settings.tls_port}/ocpp",
        )

    def _announce(self) -> None:
        state = self._run_state(self._supervisor.pids)
        by_tls = "" if state.ocpp_tls_url is None else f" or {state.ocpp_tls_url}/STATION_ID"
        self._console.line(
            f"ready: stations {state.ocpp_url}/STATION_ID{by_tls} | REST {state.rest_url}/api/v1 | "
            f"docs {state.rest_url}/docs | log in as {state.admin_username} with password "
            f"{state.admin_password} | Ctrl-C stops"
        )

    def _stop(self) -> None:
        self._state.run_file.unlink(missing_ok=True)
        self._supervisor.stop(list(self._gateway_ports), _STOP_GATEWAYS_SECONDS)
        self._supervisor.stop(["balancer", *_SERVICES], _STOP_SERVICES_SECONDS)
        self._supervisor.stop(NODES, _STOP_NODES_SECONDS)
        self._supervisor.kill_all()
        for listening in self._listening:
            listening.close()
        self._record.remove()
        self._state.release()
        self._console.line("stopped")

    def _stop_at_once(self, number: int, frame: FrameType | None) -> None:
        self._supervisor.kill_all()


def _request_stop(number: int, frame: FrameType | None) -> None:
    raise StopRequested


def _raise_file_limit() -> None:
    # Gateways and the balancer hold a descriptor or two for every station; children inherit this.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
