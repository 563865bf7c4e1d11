"""Which database is meant: the named one, the running suite's, or the stopped suite's own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from csms_backup.clients import Database
from csms_backup.errors import BackupError
from csms_local.errors import AlreadyRunningError
from csms_local.leftovers import ChildRecord
from csms_local.nodes.ports import KeptPorts
from csms_local.nodes.postgres import PostgresNode
from csms_local.nodes.private import READY_SECONDS
from csms_local.progress import Console
from csms_local.run_state import RunState
from csms_local.state_folder import StateFolder
from csms_local.supervisor import Supervisor

_STOP_SECONDS = 20.0


def state_home(environ: Mapping[str, str]) -> Path:
    """Return the state folder, as `csms-run` finds it."""
    return Path(environ.get("CSMS_HOME") or ".csms").absolute()


@contextmanager
def suite_database(
    environ: Mapping[str, str], console: Console, *, to_restore: bool
) -> Iterator[Database]:
    """Yield the suite's database; a private one that is stopped runs inside the context only.

    Raises:
        BackupError: there is none, or, `to_restore`, a suite runs on it.
        StartupError: its database does not start.
    """
    named = environ.get("CSMS_MIGRATION_DATABASE_URL")
    if named:
        yield Database(named, "the database of CSMS_MIGRATION_DATABASE_URL")
        return
    state = StateFolder(state_home(environ))
    if not to_restore and not (state.home / "lock").exists():
        raise BackupError(f"there is no suite in {state.home}; CSMS_HOME names another folder")
    try:
        state.acquire()
    except AlreadyRunningError:
        if to_restore:
            raise BackupError(
                f"a suite runs on {state.home}: stop it (Ctrl-C), restore, and start it again"
            ) from None
        yield _of_running_suite(state)
        return
    try:
        ports = KeptPorts(state.home / "ports.json")
        node = PostgresNode(state, ports, fsync=environ.get("CSMS_FSYNC") != "off")
        if not to_restore and not node.has_data:
            raise BackupError(f"there is no database in {state.home} yet")
        with _running(node, state, console):
            yield Database(node.url, f"the database in {state.home}")
    finally:
        state.release()


def _of_running_suite(state: StateFolder) -> Database:
    if not state.run_file.exists():
        raise BackupError(f"the suite on {state.home} is still starting; try again when it runs")
    return Database(RunState.read(state.run_file).database_url, f"the suite on {state.home}")


@contextmanager
def _running(node: PostgresNode, state: StateFolder, console: Console) -> Iterator[None]:
    record = ChildRecord(state.home / "children.json")
    record.end_leftovers()
    supervisor = Supervisor(console, lambda: record.write(list(supervisor.pids.values())))
    try:
        node.prepare()
        supervisor.start(node.database(), node.is_ready)
        supervisor.wait_until_ready(["database"], READY_SECONDS)
        yield
    finally:
        supervisor.stop(["database"], _STOP_SECONDS)
        record.remove()
