"""What follows a restore is said by each service's program, not by the restore."""

import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from csms_backup import SCHEMAS
from csms_backup.errors import BackupError, MissingToolError
from csms_backup.services import ask_services

PROGRAMS = Path(sys.executable).parent


def programs_are_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("csms_backup.services.sys.executable", str(folder / "bin" / "python"))
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def script(path: Path, *lines: str) -> None:
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)


def test_services_that_are_not_installed_here_are_asked_by_scripts_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs_are_elsewhere(tmp_path, monkeypatch)
    for service in SCHEMAS.values():
        with pytest.raises(MissingToolError, match=f"{service} was not found"):
            ask_services()
        script(tmp_path / service, f'echo "-- {service} $@;"')
    assert ask_services().decode().splitlines() == [
        f"-- {service} after-restore;" for service in SCHEMAS.values()
    ]


def test_a_service_that_does_not_say_what_follows_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs_are_elsewhere(tmp_path, monkeypatch)
    for service in SCHEMAS.values():
        script(tmp_path / service, "echo usage >&2", "exit 2")
    with pytest.raises(BackupError, match="'station-registry after-restore' failed: usage"):
        ask_services()


@pytest.mark.parametrize("service", SCHEMAS.values())
def test_a_service_says_what_follows_a_restore_without_any_setting(service: str) -> None:
    said = subprocess.run(
        [str(PROGRAMS / service), "after-restore"],
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert said.stdout.startswith("-- ")
    assert said.stderr == ""


def test_the_restore_itself_names_no_schema() -> None:
    sources = [path for path in resources.files("csms_backup").iterdir() if ".sql" in path.name]
    assert {path.name for path in sources} == {"begin.sql", "before.sql", "after.sql"}
    named = [schema for schema in SCHEMAS for path in sources if f"{schema}." in path.read_text()]
    assert named == []
