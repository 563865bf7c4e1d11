"""Ports of the private nodes and services, chosen once and kept in the state folder."""

import json
import os
import random
import socket
import tempfile
import time
from pathlib import Path

from csms_local.errors import StartupError
from csms_local.state_folder import write_private

# Below the kernel's range for outgoing connections (32768 and up), which could take a kept port
# for a moment just when the suite starts again.
_RANGE = range(20_000, 32_000)
_TRIES = 200
LOOPBACK = "127.0.0.1"
# From the choice of a port to the server that listens on it, no other suite is given it.
_PROMISED_S = 120.0


def is_free(port: int, address: str = LOOPBACK) -> bool:
    """Tell whether a server could listen on the port now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections of a server that ended a moment ago are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
    return True


class KeptPorts:
    """Loopback ports by name; a kept port that something else took meanwhile is chosen anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        self._checked: set[str] = set()

    def port(self, name: str) -> int:
        """Return the port kept for `name`, free when it was first asked for in this process."""
        if name not in self._checked:
            if name not in self._kept or not is_free(self._kept[name]):
                self._kept[name] = self._choose()
                write_private(self._path, json.dumps(self._kept, indent=2))
            else:
                _promise(self._kept[name])
            self._checked.add(name)
        return self._kept[name]

    def _choose(self) -> int:
        return free_port(set(self._kept.values()))


class PortsInUse(KeptPorts):
    """The ports of a suite that runs, as they are."""

    def port(self, name: str) -> int:
        """Return the port kept for `name`."""
        return self._kept[name]


def free_port(taken: set[int] | None = None) -> int:
    """Return a free loopback port outside the range of outgoing connections.

    It is promised to one caller on this machine, of this user, for two minutes.
    """
    for _ in range(_TRIES):
        port = random.choice(_RANGE)  # noqa: S311 - chance only keeps two suites apart
        if port not in (taken or set()) and is_free(port) and _promise(port):
            return port
    raise StartupError(f"no free port found between {_RANGE.start} and {_RANGE.stop}")


def _promise(port: int) -> bool:
    """Tell whether nobody was promised the port lately, and note that somebody is now."""
    mark = Path(tempfile.gettempdir()) / f"csms-ports-{os.getuid()}" / str(port)
    try:
        mark.parent.mkdir(mode=0o700, exist_ok=True)
        if mark.exists() and time.time() - mark.stat().st_mtime > _PROMISED_S:
            mark.unlink(missing_ok=True)
        mark.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        return False
    except OSError:
        # Nothing can be noted here: chance keeps suites apart.
        return True
    return True
