"""Children of a suite that was killed: known by pid and start time, waited for before a new start.

They get their stop signal from the kernel when their suite dies, and need a moment to end.
"""

import json
import os
import signal
import time
from pathlib import Path

from csms_local.state_folder import write_private

_GRACE_SECONDS = 8.0
_POLL_SECONDS = 0.1


class ChildRecord:
    """The children's pids on disk while the suite runs."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, pids: list[int]) -> None:
        """Replace the record."""
        write_private(self._path, json.dumps({str(pid): start_time(pid) for pid in pids}))

    def remove(self) -> None:
        """Forget the record after a clean stop."""
        self._path.unlink(missing_ok=True)

    def end_leftovers(self) -> None:
        """Wait until recorded children of a killed suite are gone; force those that are not."""
        if not self._path.exists():
            return
        recorded: dict[str, str | None] = json.loads(self._path.read_text())
        left = {int(pid): started for pid, started in recorded.items() if started is not None}
        deadline = time.monotonic() + _GRACE_SECONDS
        while left := {pid: at for pid, at in left.items() if start_time(pid) == at}:
            if time.monotonic() > deadline:
                for pid in left:
                    os.kill(pid, signal.SIGKILL)
                deadline = time.monotonic() + _GRACE_SECONDS
            time.sleep(_POLL_SECONDS)
        self.remove()


def start_time(pid: int) -> str | None:
    """Return what tells a process from a later one with its pid; None once it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command in parentheses may hold blanks; field 3 follows it, the start time is field 22.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]
