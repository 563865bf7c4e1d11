"""The suite's own processes: which there are and the environment that each is started with."""

import http.client
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from csms_local.nodes.ports import LOOPBACK, KeptPorts
from csms_local.processes import Program
from csms_local.settings import RunSettings
from csms_local.state_folder import StateFolder

ADMINISTRATOR = "admin"
DRAIN_SECONDS = 3
_PROBE_SECONDS = 1.0
_STANDS_BACK = 5
# In whose name stations are given certificates, where nobody says it.
_OPERATOR = "Local operator"

# Service -> its database role. Only these have a schema, and with it the sub-command `migrate`.
ROLES = {
    "station-registry": "csms_registry",
    "session-service": "csms_session",
    "command-api": "csms_command",
    "integration-service": "csms_integration",
    "billing-service": "csms_billing",
}

# Decided by the supervisor for each process; the caller's values never reach a service.
_OWN_VARIABLES = frozenset(
    {
        "CSMS_ADMIN_PASSWORD",
        "CSMS_BIND",
        "CSMS_BROKER_URL",
        "CSMS_CREDENTIAL_PEPPER",
        "CSMS_DATABASE_URL",
        "CSMS_DRAIN_SECONDS",
        "CSMS_FSYNC",
        "CSMS_GATEWAYS",
        "CSMS_GATEWAY_NAME",
        "CSMS_GATEWAY_PORT",
        "CSMS_HOME",
        "CSMS_HTTP_PORT",
        "CSMS_MIGRATION_DATABASE_URL",
        "CSMS_OCPP_LISTEN_FD",
        "CSMS_OCPP_PORT",
        "CSMS_PROBE_PORT",
        "CSMS_SERVE_PLAIN",
        "CSMS_TLS_LISTEN_FD",
        "CSMS_TLS_PORT",
        "CSMS_TOKEN_SECRET",
        "CSMS_UNKNOWN_STATIONS",
    }
)


@dataclass(frozen=True, slots=True)
class Service:
    """A process of ours and where it tells whether it is ready."""

    program: Program
    probe_host: str
    probe_port: int

    def is_ready(self) -> bool:
        """Ask `/readyz`."""
        connection = http.client.HTTPConnection(
            self.probe_host, self.probe_port, timeout=_PROBE_SECONDS
        )
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class ServicePlan:
    """Builds the programs of one suite from its settings, secrets, ports and nodes."""

    def __init__(
        self,
        settings: RunSettings,
        state: StateFolder,
        ports: KeptPorts,
        database_url: str,
        broker_url: str,
    ) -> None:
        self._settings = settings
        self._state = state
        self._ports = ports
        self._owner_url = database_url
        self._broker_url = broker_url

    def migrations(self) -> list[Program]:
        """Return the step that brings each schema and its role up to date."""
        owner = {"CSMS_MIGRATION_DATABASE_URL": self._owner_url}
        return [
            self._program(f"{name}-migrate", name, "migrate", owner | self._database_url(name))
            for name in ROLES
        ]

    def registry(self) -> Service:
        """Return the station registry."""
        return self._service(
            "station-registry",
            "station-registry",
            {
                "CSMS_UNKNOWN_STATIONS": self._settings.unknown_stations,
                "CSMS_CREDENTIAL_PEPPER": self._state.secret("credential-pepper"),
                **self._certificate_authority(),
                **self._database_url("station-registry"),
            },
        )

    def _certificate_authority(self) -> dict[str, str]:
        """Return the built-in authority's place, unless the caller has another that signs."""
        if {"CSMS_CA_FOLDER", "CSMS_SIGNER_URL"} & set(self._settings.passed_on):
            return {}
        return {
            "CSMS_OPERATOR_NAME": self._settings.passed_on.get("CSMS_OPERATOR_NAME") or _OPERATOR,
            "CSMS_CA_FOLDER": str(self._state.home / "ca"),
            "CSMS_CA_PASSPHRASE": self._state.secret("ca-passphrase"),
        }

    def sessions(self) -> Service:
        """Return the session service."""
        return self._service(
            "session-service", "session-service", self._database_url("session-service")
        )

    def integration(self) -> Service:
        """Return the integration service."""
        return self._service(
            "integration-service",
            "integration-service",
            self._database_url("integration-service"),
            # No station waits for it: where processors are short, events come a little later.
            nice=_STANDS_BACK,
        )

    def billing(self) -> Service:
        """Return the billing service."""
        return self._service(
            "billing-service",
            "billing-service",
            self._database_url("billing-service"),
            # No station waits for it, either.
            nice=_STANDS_BACK,
        )

    def command_api(self) -> Service:
        """Return the REST service, the only one that operators reach."""
        return self._service(
            "command-api",
            "command-api",
            {
                "CSMS_BIND": self._settings.bind,
                "CSMS_HTTP_PORT": str(self._settings.http_port),
                "CSMS_ADMIN_PASSWORD": self._state.secret("admin-password"),
                "CSMS_TOKEN_SECRET": self._state.secret("token-secret"),
                "CSMS_CREDENTIAL_PEPPER": self._state.secret("credential-pepper"),
                **self._upload_receiver(),
                **self._database_url("command-api"),
            },
            probe_host=self._settings.reachable_host.strip("[]"),
        )

    def _upload_receiver(self) -> dict[str, str]:
        """Return where stations upload to: this machine, unless the caller says otherwise."""
        given = self._settings.passed_on
        own = f"http://{self._settings.reachable_host}:{self._settings.http_port}"
        return {
            "CSMS_PUBLIC_URL": given.get("CSMS_PUBLIC_URL", own),
            "CSMS_UPLOAD_STORE": given.get(
                "CSMS_UPLOAD_STORE", (self._state.home / "uploads").absolute().as_uri()
            ),
        }

    def gateway_ports(self) -> dict[str, int]:
        """Return each gateway's own port by its name."""
        names = [f"gateway-{number}" for number in range(1, self._settings.gateways + 1)]
        return {name: self._ports.port(name) for name in names}

    def gateway(self, name: str, listen_fd: int | None, tls_fd: int | None = None) -> Service:
        """Return a gateway: behind haproxy, or with its share of the inherited socket.

        TLS ends in the gateways, which share the socket of its port in any case. The balancer is
        trusted besides the proxies that the caller names.
        """
        if listen_fd is None:
            theirs = self._settings.passed_on.get("CSMS_TRUSTED_PROXIES", "")
            entry = {"CSMS_TRUSTED_PROXIES": ",".join(filter(None, (LOOPBACK, theirs)))}
        else:
            entry = {"CSMS_OCPP_LISTEN_FD": str(listen_fd)}
        return self._service(
            name,
            "ws-gateway",
            {
                "CSMS_GATEWAY_NAME": name,
                "CSMS_GATEWAY_PORT": str(self._ports.port(name)),
                "CSMS_DRAIN_SECONDS": str(DRAIN_SECONDS),
                "CSMS_CREDENTIAL_PEPPER": self._state.secret("credential-pepper"),
                **entry,
                **({} if tls_fd is None else {"CSMS_TLS_LISTEN_FD": str(tls_fd)}),
            },
            inherited_fds=tuple(fd for fd in (listen_fd, tls_fd) if fd is not None),
        )

    def _database_url(self, service: str) -> dict[str, str]:
        role = ROLES[service]
        owner = urlsplit(self._owner_url)
        host = owner.netloc.rpartition("@")[2]
        login = f"{role}:{quote(self._state.secret(role), safe='')}@{host}"
        return {"CSMS_DATABASE_URL": urlunsplit(owner._replace(netloc=login))}

    def _service(
        self,
        name: str,
        command: str,
        env: dict[str, str],
        *,
        probe_host: str = LOOPBACK,
        inherited_fds: tuple[int, ...] = (),
        nice: int = 0,
    ) -> Service:
        probe_port = self._ports.port(f"{name}-probe")
        settings = {"CSMS_PROBE_PORT": str(probe_port), **env}
        return Service(
            self._program(name, command, "serve", settings, inherited_fds, nice),
            probe_host,
            probe_port,
        )

    def _program(
        self,
        name: str,
        command: str,
        subcommand: str,
        env: dict[str, str],
        inherited_fds: tuple[int, ...] = (),
        nice: int = 0,
    ) -> Program:
        passed_on = {
            variable: value
            for variable, value in self._settings.passed_on.items()
            if variable not in _OWN_VARIABLES
        }
        return Program(
            name=name,
            argv=(str(self._settings.programs / command), subcommand),
            env={
                "CSMS_LOG_FORMAT": "console",
                "PYTHONUNBUFFERED": "1",
                **passed_on,
                # Only REST and the balanced port are open to other machines.
                "CSMS_BIND": LOOPBACK,
                "CSMS_BROKER_URL": self._broker_url,
                **env,
            },
            log=self._state.log(name),
            cwd=Path.cwd(),
            inherited_fds=inherited_fds,
            nice=nice,
        )
