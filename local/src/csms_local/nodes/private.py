"""Both private nodes together, for tests that need a broker and a database but no services."""

import io
from pathlib import Path
from types import TracebackType

from csms_local.nodes.ports import KeptPorts
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


def start_nodes(supervisor: Supervisor, broker: RabbitMQNode, database: PostgresNode) -> None:
    """Start both nodes and wait for the database only: the broker takes seconds longer."""
    broker.prepare()
    supervisor.start(broker.epmd(), broker.epmd_is_ready)
    supervisor.wait_until_ready(["epmd"], READY_SECONDS)
    supervisor.start(broker.broker(), broker.is_ready)
    database.prepare()
    supervisor.start(database.database(), database.is_ready)
    supervisor.wait_until_ready(["database"], READY_SECONDS)


class PrivateNodes:
    """A broker and a database of one's own below `home`; `with PrivateNodes(...)` or start/stop.

    Blocking, and to be started on the main thread (see `processes.start`). Nothing restarts a
    node that ends: a test that kills one wants to see it gone.
    """

    def __init__(self, home: Path, *, fsync: bool = True) -> None:
        self._state = StateFolder(home)
        self._fsync = fsync
        self._supervisor = Supervisor(Console(io.StringIO()), lambda: None)
        self.broker_url = ""
        self.database_url = ""

    @property
    def home(self) -> Path:
        """Return the folder with the nodes' data."""
        return self._state.home

    @property
    def pids(self) -> dict[str, int]:
        """Return the processes by name: epmd, broker, database."""
        return self._supervisor.pids

    def start(self) -> None:
        """Start both nodes and wait until they take clients."""
        self._state.acquire()
        try:
            programs = find_or_fetch(TOOLS, lambda line: None)
            ports = KeptPorts(self._state.home / "ports.json")
            broker = RabbitMQNode(self._state, ports, programs)
            database = PostgresNode(self._state, ports, fsync=self._fsync)
            start_nodes(self._supervisor, broker, database)
            self._supervisor.wait_until_ready(["broker"], READY_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.broker_url = broker.url
        self.database_url = database.url

    def stop(self) -> None:
        """Stop what runs; the data stays in `home`."""
        self._supervisor.stop(NODES, _STOP_SECONDS)
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
