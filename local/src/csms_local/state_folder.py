"""The state folder: everything that survives a stop, and the lock that gives it one owner."""

import fcntl
import json
import os
import secrets
from pathlib import Path

from csms_local.errors import AlreadyRunningError


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only at every moment."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


class StateFolder:
    """Paths and kept secrets of one suite."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.logs = self.home / "logs"
        self.run_file = self.home / "run.json"
        self._secrets_file = self.home / "secrets.json"
        self._lock: int | None = None

    def acquire(self) -> None:
        """Make the folder and become its only user until `release` or the end of the process."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        lock = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise AlreadyRunningError(
                f"a suite already runs on {self.home}; stop it, or choose another CSMS_HOME"
            ) from None
        self._lock = lock

    def release(self) -> None:
        """Let another process use the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def secret(self, name: str, given: str | None = None) -> str:
        """Return the kept secret `name`; the first time, keep `given` or a random one."""
        kept: dict[str, str] = {}
        if self._secrets_file.exists():
            kept = json.loads(self._secrets_file.read_text())
        if name not in kept:
            kept[name] = given or secrets.token_urlsafe(24)
            write_private(self._secrets_file, json.dumps(kept, indent=2))
        return kept[name]

    def log(self, name: str) -> Path:
        """Return the log file of one child."""
        return self.logs / f"{name}.log"

    def fresh_logs(self) -> None:
        """Set the logs of the run before aside, so that at most two runs are kept."""
        for log in self.logs.glob("*.log"):
            log.replace(log.with_suffix(".log.1"))
