"""Both private nodes together, for tests that need a broker and a database but no services."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from csms_local.errors import StartupError
from csms_local.nodes.ports import KeptPorts
from csms_local.nodes.postgres import PostgresNode
from csms_local.nodes.rabbitmq import RabbitMQNode
from csms_local.nodes.rabbitmq_packages import find_or_fetch
from csms_local.processes import Program, log_tail, start, stop
from csms_local.state_folder import StateFolder

# One unpacked RabbitMQ per checkout, shared by every suite and test run started from it.
TOOLS = Path(__file__).resolve().parents[4] / ".csms" / "tools"
READY_SECONDS = 60.0
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.05


class PrivateNodes:
    """A broker and a database of one's own below `home`; `with PrivateNodes(...)` or start/stop.

    Blocking, and to be started on the main thread (see `processes.start`).
    """

    def __init__(self, home: Path, *, fsync: bool = True) -> None:
        self._state = StateFolder(home)
        self._fsync = fsync
        self._children: dict[str, tuple[Program, subprocess.Popen[bytes]]] = {}
        self.broker_url = ""
        self.database_url = ""

    @property
    def home(self) -> Path:
        """Return the folder with the nodes' data."""
        return self._state.home

    @property
    def pids(self) -> dict[str, int]:
        """Return the running processes by name: epmd, broker, database."""
        return {name: child.pid for name, (_, child) in self._children.items()}

    def start(self) -> None:
        """Start both nodes and wait until they take clients."""
        self._state.acquire()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        programs = find_or_fetch(TOOLS, lambda line: None)
        ports = KeptPorts(self._state.home / "ports.json")
        broker = RabbitMQNode(self._state, ports, programs)
        database = PostgresNode(self._state, ports, fsync=self._fsync)
        broker.prepare()
        self._add(broker.epmd())
        self._wait("epmd", broker.epmd_is_ready)
        self._add(broker.broker())
        database.prepare()
        self._add(database.database())
        self._wait("database", database.is_ready)
        self._wait("broker", broker.is_ready)
        self.broker_url = broker.url
        self.database_url = database.url

    def stop(self) -> None:
        """Stop what runs; the data stays in `home`."""
        stop(list(self._children.values()), _STOP_SECONDS)
        self._children.clear()
        self._state.release()

    def _add(self, program: Program) -> None:
        self._children[program.name] = (program, start(program))

    def _wait(self, name: str, is_ready: Callable[[], bool]) -> None:
        program, child = self._children[name]
        wait_until_ready(program, child, is_ready)

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


def wait_until_ready(
    program: Program, child: subprocess.Popen[bytes], is_ready: Callable[[], bool]
) -> None:
    """Wait until a started node takes clients; its end or the deadline is a start-up error."""
    deadline = time.monotonic() + READY_SECONDS
    while not is_ready():
        if child.poll() is not None:
            why = f"ended with status {child.returncode}"
        elif time.monotonic() > deadline:
            why = f"was not ready within {READY_SECONDS:.0f} s"
        else:
            time.sleep(_POLL_SECONDS)
            continue
        raise StartupError(f"{program.name} {why}; {program.log} ends:\n{log_tail(program.log)}")
