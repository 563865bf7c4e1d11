"""Where RabbitMQ comes from: the installed one, or Debian's packages unpacked without root."""

import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from csms_local.errors import MissingToolError, StartupError

_INSTALLED = Path("/usr/lib/rabbitmq/bin")
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
_COMMAND_SECONDS = 240.0
_LOCK_SECONDS = 300.0
_ADVICE = (
    "RabbitMQ is not installed and could not be fetched ({reason}). "
    "Install it: 'apt-get install rabbitmq-server' on Debian and Ubuntu."
)


@dataclass(frozen=True, slots=True)
class RabbitMQPrograms:
    """Folders of the RabbitMQ scripts and of the Erlang commands they need."""

    scripts: Path
    erlang: Path
    origin: str

    @property
    def path(self) -> str:
        """Return the PATH under which the scripts find their Erlang."""
        return f"{self.erlang}:{_SYSTEM_PATH}"


def find_or_fetch(tools: Path, report: Callable[[str], None]) -> RabbitMQPrograms:
    """Return the installed RabbitMQ, or the unpacked one in `tools`, fetching it the first time."""
    if (_INSTALLED / "rabbitmq-server").exists():
        erl = shutil.which("erl", path=_SYSTEM_PATH)
        if erl is not None:
            return RabbitMQPrograms(_INSTALLED, Path(erl).parent, "installed")
    if re.search(r"\s", str(tools)):
        # RabbitMQ's own start scripts do not survive a blank in their path.
        tools = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "csms" / "tools"
    root = tools / "rabbitmq"
    tools.mkdir(parents=True, exist_ok=True)
    with _locked(tools / "rabbitmq.lock"):
        if not root.exists():
            _fetch(tools, root, report)
        _point_erlang_at(root)
    return RabbitMQPrograms(
        root / "usr/lib/rabbitmq/bin", root / "usr/lib/erlang/bin", f"unpacked in {root}"
    )


class _locked:  # noqa: N801 - a context manager reads as a word
    """One process at a time unpacks into a folder that suites of one checkout share."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = -1

    def __enter__(self) -> None:
        self._lock = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(self._lock)
                    raise StartupError(f"another process still holds {self._path}") from None
                time.sleep(0.2)
            else:
                return

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)


def _fetch(tools: Path, root: Path, report: Callable[[str], None]) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise MissingToolError(_ADVICE.format(reason="this is no Debian: no apt-get"))
    report("fetching RabbitMQ and Erlang (Debian packages, about 35 MB, once)")
    partial = tools / "rabbitmq.partial"
    shutil.rmtree(partial, ignore_errors=True)
    archives = partial / "archives"
    archives.mkdir(parents=True)
    try:
        try:
            packages = _download(archives, [])
        except _CommandFailedError:
            # The machine's package lists are missing or stale, and may not be ours to renew.
            report("reading Debian's package lists")
            packages = _download(archives, _private_lists(partial / "apt"))
        report(f"unpacking {len(packages)} packages")
        for package in packages:
            _run(["dpkg", "-x", str(package), str(partial / "root")], partial)
    except _CommandFailedError as error:
        raise MissingToolError(_ADVICE.format(reason=error)) from error
    (partial / "root").rename(root)
    shutil.rmtree(partial)


def _download(archives: Path, options: list[str]) -> list[Path]:
    # An empty status file stands for a machine on which nothing is installed: all of Erlang comes
    # along, never a mixture of unpacked and installed parts. What else the packages depend on is
    # in every Debian (libc, libstdc++, libtinfo, zlib), or not needed to run in the foreground.
    plan = _run(
        [
            "apt-get",
            *options,
            "-o",
            "Dir::State::status=/dev/null",
            "--simulate",
            "--no-install-recommends",
            "install",
            "rabbitmq-server",
        ],
        archives,
    )
    names = re.findall(r"^Inst ((?:erlang|rabbitmq)\S*)", plan, re.MULTILINE)
    if "rabbitmq-server" not in names:
        raise _CommandFailedError("apt-get does not know rabbitmq-server")
    _run(["apt-get", *options, "-o", "APT::Sandbox::User=root", "download", *names], archives)
    packages = sorted(archives.glob("*.deb"))
    if len(packages) != len(names):
        raise _CommandFailedError(f"apt-get fetched {len(packages)} of {len(names)} packages")
    return packages


def _private_lists(folder: Path) -> list[str]:
    (folder / "lists/partial").mkdir(parents=True, exist_ok=True)
    (folder / "cache/archives/partial").mkdir(parents=True, exist_ok=True)
    options = [
        "-o",
        f"Dir::State::lists={folder / 'lists'}",
        "-o",
        f"Dir::Cache={folder / 'cache'}",
        "-o",
        "APT::Sandbox::User=root",
    ]
    _run(["apt-get", *options, "update"], folder)
    return options


def _point_erlang_at(root: Path) -> None:
    # Debian's launchers name /usr/lib/erlang; the folder may also have been moved since.
    erlang = root / "usr/lib/erlang"
    for launcher in [erlang / "bin/erl", erlang / "bin/start", *erlang.glob("erts-*/bin/erl")]:
        text = launcher.read_text()
        pointed = re.sub(r"ROOTDIR=/\S+", f"ROOTDIR={erlang}", text)
        if pointed != text:
            launcher.write_text(pointed)


class _CommandFailedError(Exception):
    """A package command failed; the message is its last error line."""


def _run(argv: list[str], cwd: Path) -> str:
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env={"PATH": _SYSTEM_PATH, "LC_ALL": "C", **_proxies()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _CommandFailedError(f"{argv[0]} took more than {_COMMAND_SECONDS:.0f} s") from None
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        raise _CommandFailedError((said or done.stderr.splitlines() or ["no message"])[-1])
    return done.stdout


def _proxies() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
