"""Each backup that ended is noted in the database, which never costs a backup."""

import os
import subprocess
import sys
from pathlib import Path

from databases import Databases, ask, restore, run

from csms_backup.clients import Database

PROGRAM = Path(sys.executable).parent / "csms-backup"
PLACES = "SELECT array_agg(place ORDER BY ended_at) FROM command.backup"


def back_up(database: Database, to: Path) -> str:
    """Run `csms-backup`, and return what it said."""
    done = subprocess.run(
        [str(PROGRAM), "--to", str(to)],
        env={**os.environ, "CSMS_MIGRATION_DATABASE_URL": database.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def test_a_backup_is_noted_once_it_is_on_disk_with_its_name_and_without_its_folder(
    databases: Databases, tmp_path: Path
) -> None:
    database = await databases.migrated()
    archive = tmp_path / "it's \\ :'place' $$.dump"
    assert "warning" not in back_up(database, archive)
    assert await ask(database, PLACES) == [archive.name]
    assert await ask(database, "SELECT size_bytes FROM command.backup") == archive.stat().st_size
    assert await ask(
        database,
        "SELECT began_at < ended_at AND ended_at <= now() AND version <> '' FROM command.backup",
    )


async def test_after_a_restore_the_list_is_that_of_the_backups_time_and_goes_on_from_there(
    databases: Databases, tmp_path: Path
) -> None:
    database = await databases.migrated()
    for name in ("first", "second", "third"):
        back_up(database, tmp_path / f"{name}.dump")
    assert await ask(database, PLACES) == ["first.dump", "second.dump", "third.dump"]
    # A backup is not in itself: it is noted when it has ended.
    restore(database, tmp_path / "second.dump")
    assert await ask(database, PLACES) == ["first.dump"]
    back_up(database, tmp_path / "fourth.dump")
    assert await ask(database, PLACES) == ["first.dump", "fourth.dump"]


async def test_a_backup_that_can_not_be_noted_is_whole_all_the_same_and_says_so(
    databases: Databases, tmp_path: Path
) -> None:
    database = await databases.migrated()
    back_up(database, tmp_path / "noted.dump")
    # As in a schema of a release before.
    await run(database, "ALTER FUNCTION command.note_backup RENAME TO another")
    said = back_up(database, tmp_path / "unnoted.dump")
    assert "backup of" in said
    assert "warning: this backup is whole, but not in the list" in said
    assert "note_backup" in said
    assert await ask(database, PLACES) == ["noted.dump"]
    restore(database, tmp_path / "unnoted.dump")
    assert await ask(database, PLACES) == ["noted.dump"]
