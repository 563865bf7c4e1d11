"""What a backup is, and what is never restored, in a real database, without the services."""

from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from databases import START, STATION, Databases, ask, restore, run

from csms_backup.clients import Clients, choose_clients, find_clients
from csms_backup.dump import archive_path, back_up
from csms_backup.errors import BackupError, MissingToolError
from csms_backup.given_out import GivenOut


async def test_a_restore_is_refused_while_a_service_is_connected(
    databases: Databases, tmp_path: Path
) -> None:
    database = await databases.migrated()
    archive = tmp_path / "backup.dump"
    back_up(database, archive)
    settings = {"application_name": "session-service decisions"}
    service = await asyncpg.connect(database.url, timeout=10, server_settings=settings)
    try:
        with pytest.raises(
            BackupError, match=r"services are connected: session-service \(1 connections\)"
        ):
            restore(database, archive)
    finally:
        await service.close()


async def test_a_damaged_backup_changes_nothing(databases: Databases, tmp_path: Path) -> None:
    database = await databases.migrated()
    await run(database, STATION, *[START] * 200)
    whole, damaged = tmp_path / "whole.dump", tmp_path / "damaged.dump"
    back_up(database, whole)
    content = whole.read_bytes()
    damaged.write_bytes(content[:-200])
    with pytest.raises(BackupError, match="nothing was restored"):
        restore(database, damaged)
    (tmp_path / "text.dump").write_text("no archive")
    with pytest.raises(BackupError, match="no backup that can be read"):
        restore(database, tmp_path / "text.dump")
    assert await ask(database, "SELECT max(epoch) FROM registry.station") == 7
    assert await ask(database, "SELECT last_value FROM session.transaction_id") == 200


async def test_a_restore_that_would_exceed_int32_changes_nothing(
    databases: Databases, tmp_path: Path
) -> None:
    database = await databases.migrated()
    archive = tmp_path / "backup.dump"
    await run(database, "SELECT setval('session.transaction_id', 2147000000)")
    back_up(database, archive)
    with pytest.raises(BackupError, match="no transaction ids are left"):
        restore(database, archive)
    assert await ask(database, "SELECT last_value FROM session.transaction_id") == 2147000000
    assert GivenOut(1_717_986_919, 0).alarm
    assert not GivenOut(1_717_986_917, 0).alarm


@pytest.mark.parametrize("clients", find_clients(), ids=lambda clients: str(clients.major))
async def test_a_backup_of_any_newer_client_loads_into_this_server(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clients: Clients
) -> None:
    database = await databases.migrated()
    oldest = find_clients()[0]
    if clients.major < database.server_major(oldest):
        with pytest.raises(MissingToolError, match="apt-get install postgresql-client-"):
            choose_clients([clients], database.server_major(oldest))
        return
    monkeypatch.setattr("csms_backup.clients.find_clients", lambda: [clients])
    await run(database, STATION)
    archive = tmp_path / "backup.dump"
    back_up(database, archive)
    restore(database, archive)
    assert await ask(database, "SELECT count(*) FROM registry.station") == 1


async def test_a_backup_is_private_whole_and_never_replaces_another(
    databases: Databases, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    archive = archive_path(folder, datetime(2026, 11, 21, 7, 30, tzinfo=UTC))
    assert archive.name == "csms-20261121T073000Z.dump"
    with pytest.raises(BackupError, match="could not be dumped"):
        back_up(await databases.empty(), archive)
    assert list(folder.iterdir()) == []
    back_up(await databases.migrated(), archive)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert archive.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BackupError, match="never replaces another"):
        back_up(await databases.migrated(), archive)
