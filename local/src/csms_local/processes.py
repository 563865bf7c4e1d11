"""Child processes: each in its own session, bound to the life of this process, with a log file."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from csms_local.errors import MissingToolError

_LOG_TAIL_BYTES = 4096
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged user that root runs a program as."""

    uid: int
    gid: int

    def setpriv_options(self) -> list[str]:
        """Return how `setpriv` becomes this user and still enters folders closed to others."""
        options = [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
        capability = _search_capability()
        if capability:
            options += [f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"]
        return options


def unprivileged_account(preferred: str) -> Account | None:
    """Return whom to run as where this process is root; None where it is not."""
    if os.geteuid() != 0:
        return None
    for name in (preferred, "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise MissingToolError(f"running as root needs an unprivileged user {preferred!r} or 'nobody'")


@cache
def _search_capability() -> str | None:
    # Container engines take CAP_DAC_READ_SEARCH (bit 2) from root but leave CAP_DAC_OVERRIDE.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            held = int(line.split()[1], 16)
            if held & 0b100:
                return "dac_read_search"
            if held & 0b010:
                return "dac_override"
    return None


@dataclass(frozen=True, slots=True)
class Program:
    """How to start one child; `env` is its whole environment.

    `nice`: how far it stands back where processors are short.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    cwd: Path
    stop_signal: signal.Signals = signal.SIGTERM
    account: Account | None = None
    inherited_fds: tuple[int, ...] = ()
    nice: int = 0


def setpriv() -> str:
    """Return the program that ties a child's life to ours."""
    path = shutil.which("setpriv") or shutil.which("setpriv", path="/usr/bin:/bin")
    if path is None:
        raise MissingToolError("setpriv is missing; install util-linux (2.33 or newer)")
    return path


def start(program: Program) -> subprocess.Popen[bytes]:
    """Start a child whose pid is the program itself and which gets its stop signal if we die.

    Must be called on the main thread: the kernel sends the signal when the *thread* ends.
    """
    command = [setpriv(), f"--pdeathsig={program.stop_signal.name.removeprefix('SIG')}"]
    if program.account is not None:
        command += program.account.setpriv_options()
    command.append("--")
    if program.nice:
        command += ["nice", "-n", str(program.nice)]
    with program.log.open("ab") as log:
        return subprocess.Popen(
            [*command, *program.argv],
            env=dict(program.env),
            cwd=program.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=program.inherited_fds,
        )


def wait_until_gone(children: Sequence[subprocess.Popen[bytes]], seconds: float) -> bool:
    """Wait until all children have ended, at most `seconds`; tell whether they have."""
    deadline = time.monotonic() + seconds
    while any(child.poll() is None for child in children):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def stop(children: Sequence[tuple[Program, subprocess.Popen[bytes]]], seconds: float) -> None:
    """Ask children to end, each with its own signal; after `seconds` end them by force."""
    for program, child in children:
        if child.poll() is None:
            child.send_signal(program.stop_signal)
    running = [child for _, child in children]
    if not wait_until_gone(running, seconds):
        kill(running)


def kill(children: Sequence[subprocess.Popen[bytes]]) -> None:
    """End children, with whatever they started in their sessions, at once."""
    for child in children:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
    wait_until_gone(children, 5.0)


def log_tail(log: Path, lines: int = 12) -> str:
    """Return the last lines of a child's log, for a report on the console."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])
