"""A whole suite started from a test or a benchmark, as `make run` starts it."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from csms_local.errors import StartupError
from csms_local.nodes.ports import free_port
from csms_local.processes import Program, log_tail, start, stop
from csms_local.run_state import RunState

# The first start on a machine also fetches RabbitMQ.
_READY_SECONDS = 240.0
_STOP_SECONDS = 12.0
_POLL_SECONDS = 0.1


class Suite:
    """A running `csms-run`; leaving the context stops it."""

    def __init__(self, home: Path, process: subprocess.Popen[bytes], program: Program) -> None:
        self.home = home
        self.process = process
        self._program = program

    @property
    def run_file(self) -> Path:
        """Return where the suite writes how it is reached."""
        return self.home / "run.json"

    @property
    def console(self) -> Path:
        """Return the file that holds what the suite printed."""
        return self._program.log

    def state(self) -> RunState:
        """Read `run.json` as it is now; pids change when something was restarted."""
        return RunState.read(self.run_file)

    def wait_until_ready(self) -> None:
        """Wait until the suite is ready; where it does not get so, stop it.

        Raises:
            StartupError: with the end of what the suite printed.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            if self.process.poll() is None and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
                continue
            self.stop()
            raise StartupError(f"the suite did not start:\n{log_tail(self.console, 40)}")

    def _is_ready(self) -> bool:
        # The console of this start says it: run.json may be that of a suite that was killed here.
        return "] ready: " in log_tail(self.console, 40) and self.run_file.exists()

    def stop(self) -> None:
        """Stop the suite as Ctrl-C does; the state folder stays."""
        stop([(self._program, self.process)], _STOP_SECONDS)

    def __enter__(self) -> "Suite":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start_suite(
    home: Path, env: Mapping[str, str] | None = None, *, programs: Path | None = None
) -> Suite:
    """Start a suite on `home` and wait until it is ready; see `launch_suite`."""
    suite = launch_suite(home, env, programs=programs)
    suite.wait_until_ready()
    return suite


def launch_suite(
    home: Path, env: Mapping[str, str] | None = None, *, programs: Path | None = None
) -> Suite:
    """Start a suite on `home` without waiting for it; `env` adds CSMS_ settings.

    Without `CSMS_OCPP_PORT` and `CSMS_HTTP_PORT` in `env` it takes free ports. The caller's own
    CSMS_ variables do not count. `programs` is the folder of the
    services' commands. Must be called on the main thread (see `processes.start`).
    """
    home = home.absolute()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("CSMS_")}
    ocpp_port = free_port()
    ports = {"CSMS_OCPP_PORT": str(ocpp_port), "CSMS_HTTP_PORT": str(free_port({ocpp_port}))}
    own_bin = Path(sys.executable).parent
    chosen = () if programs is None else ("--programs", str(programs))
    program = Program(
        name="csms-run",
        argv=(str(own_bin / "csms-run"), *chosen),
        env={**inherited, **ports, **(env or {}), "CSMS_HOME": str(home)},
        log=home / "console.log",
        cwd=Path.cwd(),
    )
    program.log.unlink(missing_ok=True)
    return Suite(home, start(program), program)
