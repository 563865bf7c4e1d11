"""The commands `csms-backup` and `csms-restore`."""

import argparse
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from csms_backup.dump import archive_path, back_up, chosen_archive
from csms_backup.errors import BackupError
from csms_backup.local_suite import state_home, suite_database
from csms_backup.note import EndedBackup, note
from csms_backup.restore import restore
from csms_backup.services import ask_services
from csms_local.errors import StartupError
from csms_local.progress import Console

_WHICH = """\
The database is that of CSMS_MIGRATION_DATABASE_URL (as its owner), otherwise that of the suite in
CSMS_HOME (default .csms), running or not.
"""


def backup() -> None:
    """Run `csms-backup`; the exit status is 1 where nothing was written."""
    parser = argparse.ArgumentParser(
        prog="csms-backup",
        description="Back up every schema, while everything runs.",
        epilog=_WHICH,
    )
    parser.add_argument(
        "--to", type=Path, help="a folder, or a file *.dump (default: CSMS_HOME/backups)"
    )
    arguments = parser.parse_args()
    console = Console()
    wanted = arguments.to or state_home(os.environ) / "backups"
    began_at = datetime.now(UTC)
    archive = archive_path(wanted.absolute(), began_at)
    try:
        with suite_database(os.environ, console, to_restore=False) as database:
            started = time.monotonic()
            back_up(database, archive)
            seconds = time.monotonic() - started
            size = archive.stat().st_size
            console.line(f"backup of {database.where}: {archive} ({size} bytes in {seconds:.1f} s)")
            ended = EndedBackup(began_at, datetime.now(UTC), size, archive.name)
            unnoted = note(database, ended)
            if unnoted is not None:
                console.line(
                    f"warning: this backup is whole, but not in the list that is shown: {unnoted}"
                )
    except (BackupError, StartupError, OSError) as error:
        console.line(f"no backup: {error}")
        sys.exit(1)


def restore_backup() -> None:
    """Run `csms-restore`; the exit status is 1 where nothing was changed."""
    parser = argparse.ArgumentParser(
        prog="csms-restore",
        description="Replace every schema by a backup's; the services must be stopped.",
        epilog=_WHICH,
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        help="the file, or a folder, whose newest is taken (default: CSMS_HOME/backups)",
    )
    arguments = parser.parse_args()
    console = Console()
    source = (arguments.source or state_home(os.environ) / "backups").absolute()
    try:
        archive = chosen_archive(source)
        with suite_database(os.environ, console, to_restore=True) as database:
            started = time.monotonic()
            given_out = restore(database, archive, ask_services())
            seconds = time.monotonic() - started
            console.line(f"restored {archive} into {database.where} in {seconds:.1f} s")
            console.line(
                f"transaction ids go on after {given_out.transaction_id}, epochs and boot counts "
                f"after {given_out.counter}"
            )
            console.line(
                "before the services start, `migrate` of each gives it its rights ('make run' and "
                "'docker compose up' do that)"
            )
            if given_out.alarm:
                console.line("ALARM: more than 80 % of all transaction ids are used up")
    except (BackupError, StartupError, OSError) as error:
        console.line(f"not restored: {error}")
        sys.exit(1)
