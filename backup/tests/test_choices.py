"""What is chosen and refused before a database is asked."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from csms_backup.clients import Clients, Database, choose_clients
from csms_backup.dump import chosen_archive
from csms_backup.errors import BackupError, MissingToolError
from csms_backup.given_out import GivenOut, GivenOutNote

PROGRAMS = Path(sys.executable).parent


def test_the_nearest_client_that_is_not_older_than_the_server_is_chosen() -> None:
    found = [Clients(Path(), 15), Clients(Path(), 17), Clients(Path(), 18)]
    assert [choose_clients(found, major).major for major in (14, 15, 16, 18)] == [15, 15, 17, 18]
    with pytest.raises(MissingToolError, match="PostgreSQL 19"):
        choose_clients(found, 19)


def test_the_newest_backup_of_a_folder_is_taken(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="there is no backup in"):
        chosen_archive(tmp_path)
    for hours, name in ((2, "b.dump"), (1, "c.dump"), (3, "a.dump")):
        (tmp_path / name).touch()
        at = (datetime.now(UTC) - timedelta(hours=hours)).timestamp()
        os.utime(tmp_path / name, (at, at))
    assert chosen_archive(tmp_path) == tmp_path / "c.dump"
    assert chosen_archive(tmp_path / "a.dump") == tmp_path / "a.dump"
    with pytest.raises(BackupError, match="there is no backup in"):
        chosen_archive(tmp_path / "d.dump")


@pytest.mark.parametrize("name", ["csms-backup", "csms-restore"])
def test_without_a_suite_or_a_backup_nothing_is_made(tmp_path: Path, name: str) -> None:
    home = tmp_path / "nowhere"
    done = subprocess.run(
        [str(PROGRAMS / name)],
        env={**os.environ, "CSMS_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"there is no {'suite' if name == 'csms-backup' else 'backup'} in {home}" in done.stdout
    assert not home.exists()


def test_the_password_of_a_database_is_on_no_command_line() -> None:
    database = Database("postgresql://owner:se%40cret@db.example/csms?sslmode=require", "")
    assert "cret" not in database.target
    assert database.target.startswith("postgresql://owner@db.example/csms?")
    assert "sslmode=require" in database.target
    assert database.environment()["PGPASSWORD"] == "se@cret"


def test_a_note_that_can_not_be_written_stops_a_restore_before_it_begins(tmp_path: Path) -> None:
    folder = tmp_path / "missing"
    with pytest.raises(BackupError, match="copy the backup"):
        GivenOutNote(folder).write(GivenOut(1, 1))
