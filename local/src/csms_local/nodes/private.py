"""Both private nodes together, for tests that need a broker and a database but no services."""

import io
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from csms_local.nodes.ports import KeptPorts, PortsInUse
from csms_local.nodes.postgres import PostgresNode
from csms_local.nodes.rabbitmq import RabbitMQNode
from csms_local.nodes.rabbitmq_packages import find_or_fetch
from csms_local.progress import Console
from csms_local.state_folder import StateFolder
from csms_local.supervisor import Supervisor

# One unpacked RabbitMQ per checkout, shared by every suite and test run started from it.
TOOLS = Path(__file__).resolve().parents[4] / ".csms" / "tools"
NODES = ("broker", "database", "epmd")
READY_SECONDS = 60.0
_STOP_SECONDS = 5.0


def start_nodes(
    supervisor: Supervisor, brokers: Sequence[RabbitMQNode], database: PostgresNode
) -> None:
    """Start all nodes and wait for the database only: brokers take seconds longer."""
    for broker in brokers:
        broker.prepare()
    supervisor.start(brokers[0].epmd(), brokers[0].epmd_is_ready)
    supervisor.wait_until_ready(["epmd"], READY_SECONDS)
    for broker in brokers:
        supervisor.start(broker.broker(), broker.is_ready)
    database.prepare()
    supervisor.start(database.database(), database.is_ready)
    supervisor.wait_until_ready(["database"], READY_SECONDS)


def running_broker(home: Path) -> RabbitMQNode:
    """Return the private broker of the suite that runs on `home`, to be controlled from outside."""
    programs = find_or_fetch(TOOLS, lambda line: None)
    return RabbitMQNode(StateFolder(home), PortsInUse(home / "ports.json"), programs)


class PrivateNodes:
    """A broker and a database of one's own below `home`; `with PrivateNodes(...)` or start/stop.

    With `cluster`, the broker is a RabbitMQ cluster of one node per name. Blocking, and to be
    started on the main thread (see `processes.start`). Nothing restarts a node that ends: a test
    that kills one wants to see it gone.
    """

    def __init__(self, home: Path, *, fsync: bool = True, cluster: Sequence[str] = ()) -> None:
        self._state = StateFolder(home)
        self._fsync = fsync
        self._cluster = tuple(cluster)
        self._supervisor = Supervisor(Console(io.StringIO()), lambda: None)
        self.brokers: dict[str, RabbitMQNode] = {}
        self.broker_url = ""
        self.database_url = ""
        self._database: PostgresNode | None = None

    @property
    def home(self) -> Path:
        """Return the folder with the nodes' data."""
        return self._state.home

    @property
    def pids(self) -> dict[str, int]:
        """Return the processes by name: epmd, database, and each broker."""
        return self._supervisor.pids

    def start(self) -> None:
        """Start all nodes and wait until they take clients."""
        self._state.acquire()
        try:
            programs = find_or_fetch(TOOLS, lambda line: None)
            ports = KeptPorts(self._state.home / "ports.json")
            brokers = [
                RabbitMQNode(self._state, ports, programs, member=member, cluster=self._cluster)
                for member in self._cluster or ("",)
            ]
            self.brokers = {broker.name: broker for broker in brokers}
            self._database = PostgresNode(self._state, ports, fsync=self._fsync)
            start_nodes(self._supervisor, brokers, self._database)
            self._supervisor.wait_until_ready(list(self.brokers), READY_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.broker_url = brokers[0].url
        self.database_url = self._database.url

    def end(self, name: str, how: signal.Signals | None = None) -> None:
        """End one node, with its own stop signal or another one, and wait until it is gone."""
        if how is not None:
            os.kill(self.pids[name], how)
        self._supervisor.stop([name], READY_SECONDS)

    def begin(self, name: str) -> None:
        """Start a node that was ended, on its data, without waiting; on the main thread."""
        if name == "database":
            assert self._database is not None, "the nodes were never started"
            self._supervisor.start(self._database.database(), self._database.is_ready)
        else:
            self._supervisor.start(self.brokers[name].broker(), self.brokers[name].is_ready)

    def wait_until_ready(self, name: str) -> None:
        """Wait until a node that was begun takes clients."""
        self._supervisor.wait_until_ready([name], READY_SECONDS)

    def stop(self) -> None:
        """Stop what runs; the data stays in `home`."""
        self._supervisor.stop([*self.brokers, "database", "epmd"], _STOP_SECONDS)
        self._state.release()

    def __enter__(self) -> "PrivateNodes":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
