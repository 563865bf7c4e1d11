"""A private RabbitMQ node: own epmd, cookie, data and ports; the child is the Erlang VM itself."""

import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from csms_local.errors import NodeCommandError
from csms_local.nodes.ports import LOOPBACK, KeptPorts
from csms_local.nodes.rabbitmq_packages import RabbitMQPrograms
from csms_local.processes import Program
from csms_local.state_folder import StateFolder, write_private

_USER = "csms"
_PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
_CONNECTION_START = b"\x00\x0a\x00\x0a"  # class 10, method 10
_HANDSHAKE_SECONDS = 2.0
_COMMAND_SECONDS = 90.0
_NET_TICK_SECONDS = 15


class RabbitMQNode:
    """One broker in a state folder, described as two programs: epmd and the Erlang VM.

    `member` names it where there are several in one folder; `cluster` are the names of all of
    them, which find each other when they start for the first time.
    """

    def __init__(
        self,
        state: StateFolder,
        ports: KeptPorts,
        programs: RabbitMQPrograms,
        *,
        member: str = "",
        cluster: Sequence[str] = (),
    ) -> None:
        suffix = f"-{member}" if member else ""
        self._folder = state.home / f"rabbitmq{suffix}"
        self._state = state
        self._programs = programs
        self._cluster = tuple(f"csms-{name}@localhost" for name in cluster)
        self._epmd_port = ports.port("epmd")
        self._distribution_port = ports.port(f"erlang-distribution{suffix}")
        self.name = f"broker{suffix}"
        self.node_name = f"csms{suffix}@localhost"
        self.port = ports.port(self.name)

    @property
    def url(self) -> str:
        """Return the AMQP URL of the node's only user."""
        return f"amqp://{_USER}:{self._state.secret('broker')}@{LOOPBACK}:{self.port}/"

    def prepare(self) -> None:
        """Write the configuration; data of an earlier run stays."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        cookie = self._folder / ".erlang.cookie"
        if not cookie.exists():
            write_private(cookie, self._state.secret("erlang-cookie"))
            cookie.chmod(0o400)
        (self._folder / "enabled_plugins").write_text("[].\n")
        write_private(
            self._folder / "rabbitmq.conf",
            f"listeners.tcp.1 = {LOOPBACK}:{self.port}\n"
            f"default_user = {_USER}\n"
            f"default_pass = {self._state.secret('broker')}\n"
            "log.console.level = info\n" + self._cluster_lines(),
        )

    def _cluster_lines(self) -> str:
        if not self._cluster:
            return ""
        # A node that sees less than half of the others stops serving until it sees them again
        # (RabbitMQ documentation, "Clustering and Network Partitions").
        lines = [
            "cluster_partition_handling = pause_minority",
            # One that stands still holds the others up until it is found out, by default for 75 s.
            f"net_ticktime = {_NET_TICK_SECONDS}",
            "cluster_formation.peer_discovery_backend = classic_config",
        ]
        for number, name in enumerate(self._cluster, 1):
            lines.append(f"cluster_formation.classic_config.nodes.{number} = {name}")
        return "\n".join(lines) + "\n"

    def control(self, *arguments: str) -> str:
        """Run `rabbitmqctl` on this node and return what it printed.

        Raises:
            NodeCommandError: it failed, or took longer than 90 s.
        """
        command = [str(self._programs.scripts / "rabbitmqctl"), "--quiet", *arguments]
        try:
            done = subprocess.run(
                command,
                env=self._environment(),
                cwd=self._folder,
                capture_output=True,
                text=True,
                timeout=_COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NodeCommandError(
                f"{' '.join(arguments)}: not done within {_COMMAND_SECONDS:.0f} s"
            ) from None
        if done.returncode != 0:
            raise NodeCommandError(f"{' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def epmd(self) -> Program:
        """Return the port mapper, in the foreground, so that it ends with the suite."""
        return Program(
            name="epmd",
            argv=(str(self._programs.erlang / "epmd"),),
            env=self._environment(),
            log=self._state.log("epmd"),
            cwd=self._folder,
        )

    def broker(self) -> Program:
        """Return the Erlang VM; the start script replaces itself by it."""
        return Program(
            name=self.name,
            argv=(str(self._programs.scripts / "rabbitmq-server"),),
            env=self._environment(),
            log=self._state.log(self.name),
            cwd=self._folder,
        )

    def epmd_is_ready(self) -> bool:
        """Tell whether the port mapper listens."""
        try:
            socket.create_connection((LOOPBACK, self._epmd_port), timeout=1.0).close()
        except OSError:
            return False
        return True

    def is_ready(self) -> bool:
        """Tell whether the broker greets an AMQP client; listeners open last of all."""
        try:
            with socket.create_connection((LOOPBACK, self.port), _HANDSHAKE_SECONDS) as connection:
                connection.sendall(_PROTOCOL_HEADER)
                greeting = connection.recv(11)
        except OSError:
            return False
        return greeting[7:11] == _CONNECTION_START

    def _environment(self) -> dict[str, str]:
        folder: Path = self._folder
        return {
            "PATH": self._programs.path,
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_CRASH_DUMP": str(folder / "erl_crash.dump"),
            "ERL_CRASH_DUMP_SECONDS": "0",
            # No Erlang VM starts an epmd of its own: a daemon would outlive the suite.
            "ERL_FLAGS": "-start_epmd false",
            # Otherwise the start script stays around the VM as a shell, which kill -9 would hit.
            "RUNNING_UNDER_SYSTEMD": "1",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_NODENAME": self.node_name,
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_BASE": str(folder),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(folder / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CTL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            # Unbound: two nodes on one machine would otherwise share the first cores.
            "RABBITMQ_SCHEDULER_BIND_TYPE": "u",
            # Idle schedulers sleep instead of spinning: the cores are shared with everything else.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "+sbwt none +sbwtdcpu none +sbwtdio none "
                "-kernel inet_dist_use_interface {127,0,0,1}"
            ),
        }
