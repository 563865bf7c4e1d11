"""Tells the suite of a backup that ended: command-api keeps the list that people are shown.

All that is known of it here is a function of its schema, `note_backup`. The archive is on disk
before, so whatever keeps the note from being written says nothing about the backup.
"""

import subprocess
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from csms_backup.clients import Database, clients_for
from csms_backup.errors import BackupError

_LONGEST_SECONDS = 60.0
# psql replaces variables in what it reads, and not in what it is given by `--command`.
_NOTE = """\
SET lock_timeout = '10s';
SELECT command.note_backup(:'began_at', :'ended_at', :'size_bytes', :'place', :'version');
"""


@dataclass(frozen=True, slots=True)
class EndedBackup:
    """A backup that is on disk; `place` is the name of its file, without the folder."""

    began_at: datetime
    ended_at: datetime
    size_bytes: int
    place: str


def note(database: Database, backup: EndedBackup) -> str | None:
    """Note the backup; returns what kept it from being noted, None where nothing did."""
    values = {
        "began_at": backup.began_at.isoformat(),
        "ended_at": backup.ended_at.isoformat(),
        "size_bytes": str(backup.size_bytes),
        "place": backup.place,
        "version": version("csms-backup"),
    }
    try:
        done = subprocess.run(
            clients_for(database).command(
                "psql",
                "-XAtq",
                "--set=ON_ERROR_STOP=1",
                "--set=VERBOSITY=terse",
                *(f"--set={name}={value}" for name, value in values.items()),
                f"--dbname={database.target}",
            ),
            env=database.environment(),
            input=_NOTE,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{database.where} did not answer within {_LONGEST_SECONDS:.0f} s"
    except (BackupError, OSError) as error:
        return str(error)
    return None if done.returncode == 0 else done.stderr.strip()
