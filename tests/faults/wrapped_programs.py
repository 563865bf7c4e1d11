"""The services' commands, each process of which can be given an environment of its own.

The launcher starts what lies in this folder instead of the real commands: a script that reads
what a test left for that process and then becomes the real command, so pids stay the services'.
"""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

SERVICES = (
    "station-registry",
    "session-service",
    "command-api",
    "integration-service",
    "billing-service",
    "ws-gateway",
)

_SCRIPT = """\
#!/bin/sh
process="{folder}/${{CSMS_GATEWAY_NAME:-{name}}}"
if [ "$1" = serve ]; then
    while [ -e "$process.held" ]; do sleep 0.2; done
    if [ -f "$process.env" ]; then . "$process.env"; fi
fi
exec "{program}" "$@"
"""


class WrappedPrograms:
    """A folder for `csms-run --programs`; what is given to a process counts from its next start."""

    def __init__(self, folder: Path, programs: Path | None = None) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in SERVICES:
            self.replace(name, (programs or Path(sys.executable).parent) / name)

    def replace(self, service: str, program: Path) -> None:
        """Start another program as this service from now on."""
        script = self.folder / service
        script.write_text(_SCRIPT.format(folder=self.folder, name=service, program=program))
        script.chmod(0o700)

    def give(self, process: str, variables: Mapping[str, str]) -> None:
        """Add variables to the environment of a process, over those it has."""
        lines = "".join(f"export {k}={shlex.quote(v)}\n" for k, v in variables.items())
        with self._extra(process).open("a") as extra:
            extra.write(lines)

    def route(
        self, process: str, *, broker_port: int | None = None, database_port: int | None = None
    ) -> None:
        """Let a process reach broker or database through a loopback port, with its own account."""
        with self._extra(process).open("a") as extra:
            if broker_port is not None:
                extra.write(
                    f'export CSMS_BROKER_URL="${{CSMS_BROKER_URL%@*}}@127.0.0.1:{broker_port}/"\n'
                )
            if database_port is not None:
                extra.write(
                    'export CSMS_DATABASE_URL="${CSMS_DATABASE_URL%@*}@127.0.0.1:'
                    f'{database_port}/${{CSMS_DATABASE_URL##*/}}"\n'
                )

    def given(self, process: str) -> str:
        """Return all that the process is given, for `give_again`."""
        extra = self._extra(process)
        return extra.read_text() if extra.exists() else ""

    def give_again(self, process: str, text: str) -> None:
        """Give the process what it was given when `given` was asked, and nothing else."""
        self._extra(process).write_text(text)

    def hold(self, process: str) -> None:
        """Let the process not start again, once it has ended, until `let_go`."""
        self._held(process).touch()

    def let_go(self, process: str) -> None:
        """Let a held process start."""
        self._held(process).unlink(missing_ok=True)

    def _held(self, process: str) -> Path:
        return self.folder / f"{process}.held"

    def _extra(self, process: str) -> Path:
        return self.folder / f"{process}.env"
