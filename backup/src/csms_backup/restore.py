"""A restore: the content of a backup and all that must follow from it, in one transaction."""

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

from csms_backup.clients import Clients, Database, clients_for
from csms_backup.errors import BackupError
from csms_backup.given_out import GivenOut, GivenOutNote
from csms_backup.services import owned_schemas

_QUESTION_SECONDS = 60.0
_END_SECONDS = 600.0
# pg_restore of 17 and newer sets it whatever the server; servers before 17 do not know it.
_UNKNOWN_SETTING = b"SET transaction_timeout = 0;\n"
_PREAMBLE_LINES = 40
# A line of pg_restore's list: number; oid of the catalog, oid, type, schema, name, owner.
_POLICY = re.compile(r"\d+; \d+ \d+ POLICY ")


@dataclass(frozen=True, slots=True)
class _Output:
    """Where a program's output is kept: on disk, so that no pipe ever fills up."""

    said: IO[bytes]
    complained: IO[bytes]

    def error(self) -> str:
        """Return what the program complained of first, without psql's own prefix."""
        self.complained.seek(0)
        text = self.complained.read().decode(errors="replace").strip()
        error = re.search(r"ERROR:\s+(.*)", text)
        return error[1] if error else text


@dataclass(frozen=True, slots=True)
class _Chosen:
    """An archive, and the list of what of it is restored."""

    archive: Path
    content: str


def restore(database: Database, archive: Path, said_by_services: bytes) -> GivenOut:
    """Replace all schemas by the backup's; returns the numbers from which the suite goes on.

    Either all of it happens or nothing: the database is as it was until the last moment, and for
    ever where this fails. `said_by_services` is what `services.ask_services` returned.

    Raises:
        BackupError: services are connected, or the archive can't be read or loaded.
    """
    clients = clients_for(database)
    content = _content(clients, archive)
    note = GivenOutNote(archive.parent)
    known = note.read()
    note.write(known)  # before anything is replaced: afterwards it would be too late to fail
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        output = _Output(said, complained)
        start = [_sql("begin.sql"), owned_schemas().encode(), known.insert().encode()]
        before = b"".join([*start, said_by_services, b"\n", _sql("before.sql")])
        loaded = _load(clients, database, _Chosen(archive, content), before, output)
        if loaded is not None:
            raise BackupError(f"nothing was restored: {loaded}")
        said.seek(0)
        numbers: dict[str, Any] = json.loads(said.read().splitlines()[-1])
    given_out = GivenOut(**numbers)
    note.write(given_out)
    return given_out


def _content(clients: Clients, archive: Path) -> str:
    """Return the list of what is restored: all but the policies.

    They name roles, which this place may not have; `migrate` makes those of its own.
    """
    listed = subprocess.run(
        clients.command("pg_restore", "--list", str(archive)),
        capture_output=True,
        text=True,
        timeout=_QUESTION_SECONDS,
        check=False,
    )
    if listed.returncode != 0:
        raise BackupError(f"{archive} is no backup that can be read: {listed.stderr.strip()}")
    return "".join(line for line in listed.stdout.splitlines(True) if not _POLICY.match(line))


def _load(
    clients: Clients, database: Database, chosen: _Chosen, before: bytes, output: _Output
) -> str | None:
    """Send everything to the server; returns what kept it from committing, None where it did."""
    loader = subprocess.Popen(
        clients.command(
            "psql",
            "-XAtq",
            "--set=ON_ERROR_STOP=1",
            "--set=VERBOSITY=terse",
            f"--dbname={database.target}",
        ),
        env=database.environment(),
        stdin=subprocess.PIPE,
        stdout=output.said,
        stderr=output.complained,
    )
    assert loader.stdin is not None
    problem: str | None = None
    try:
        with loader.stdin as script:
            script.write(before)
            problem = _copy_archive(clients, chosen, script)
            if problem is None:
                # Only now: without this part there is no COMMIT, and the session's end undoes all.
                script.write(_sql("after.sql"))
    except BrokenPipeError:
        pass  # psql stopped at an error, which it names
    finally:
        try:
            loader.wait(_END_SECONDS)
        finally:
            loader.kill()
    if loader.returncode != 0:
        return output.error()
    return problem


def _copy_archive(clients: Clients, chosen: _Chosen, script: IO[bytes]) -> str | None:
    """Copy the archive as SQL; returns what was wrong with it."""
    archive = str(chosen.archive)
    with (
        tempfile.NamedTemporaryFile("w", suffix=".list") as content,
        tempfile.TemporaryFile() as complained,
    ):
        content.write(chosen.content)
        content.flush()
        how = ("--file=-", "--no-owner", "--no-privileges", f"--use-list={content.name}")
        reader = subprocess.Popen(
            clients.command("pg_restore", *how, archive),
            stdout=subprocess.PIPE,
            stderr=complained,
        )
        assert reader.stdout is not None
        try:
            for _ in range(_PREAMBLE_LINES):
                line = reader.stdout.readline()
                if line != _UNKNOWN_SETTING:
                    script.write(line)
            shutil.copyfileobj(reader.stdout, script, 1 << 20)
        except BaseException:
            reader.kill()
            raise
        finally:
            reader.stdout.close()
            reader.wait(_QUESTION_SECONDS)
        if reader.returncode != 0:
            complained.seek(0)
            text = complained.read().decode(errors="replace").strip()
            return f"{archive} is damaged: {text}"
    return None


def _sql(name: str) -> bytes:
    return (files("csms_backup") / name).read_bytes()
