"""A backup: one archive of all schemas at one moment, while everything runs."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from csms_backup import SCHEMAS
from csms_backup.clients import Database, clients_for
from csms_backup.errors import BackupError

SUFFIX = ".dump"
_LONGEST_SECONDS = 12 * 3600.0
# Most of what zlib gains, at a third of the processor time that the services do not get.
_COMPRESSION = "1"


def archive_path(wanted: Path, now: datetime) -> Path:
    """Return the file of a new backup; a folder gets one with the time in its name."""
    if wanted.suffix == SUFFIX and not wanted.is_dir():
        return wanted
    return wanted / f"csms-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}{SUFFIX}"


def chosen_archive(source: Path) -> Path:
    """Return the backup that is meant: the file itself, or the newest in the folder.

    Raises:
        BackupError: there is none.
    """
    if source.is_file():
        return source
    archives = sorted(source.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
    if not archives:
        raise BackupError(f"there is no backup in {source}")
    return archives[-1]


def back_up(database: Database, archive: Path) -> None:
    """Write the backup; a file of its name is whole, on disk and readable by its owner only.

    pg_dump reads all schemas in one snapshot and blocks neither readers nor writers.

    Raises:
        BackupError: it could not be written, or exists; nothing is left behind.
    """
    if archive.exists():
        raise BackupError(f"{archive} exists; a backup never replaces another")
    clients = clients_for(database)
    archive.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = archive.with_name(f"{archive.name}.{os.getpid()}.partial")
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        done = subprocess.run(
            clients.command(
                "pg_dump",
                "--format=custom",
                f"--compress={_COMPRESSION}",
                # A schema that is missing is an error, not an empty backup.
                "--strict-names",
                *(f"--schema={schema}" for schema in SCHEMAS),
                f"--file={partial}",
                f"--dbname={database.target}",
            ),
            env=database.environment(),
            capture_output=True,
            text=True,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise BackupError(f"{database.where} could not be dumped: {done.stderr.strip()}")
        _sync(partial)
        partial.rename(archive)
        _sync(archive.parent)
    finally:
        partial.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
