"""Tables against migrations, the audit, upkeep, and messages that can't be read."""

import secrets
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from command_api_fakes import AUDIT, Stations, answered, eventually
from sqlalchemy import Connection

from command_api.commands.domain.states import CommandRecord, CommandStatus
from command_api.commands.store.changes import (
    AT_ONCE,
    find_unchecked,
    take_held,
    write_prepared,
)
from command_api.commands.store.inserts import NewCommand, insert_commands
from command_api.database import SCHEMA
from command_api.database.tables import metadata
from command_api.database.upkeep import purges
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import COMMAND_RESULTS_QUEUE
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.refusals import refuse
from csms_shared.db.engine import create_engine, in_transaction
from csms_shared.runtime.clock import now_ms

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_the_tables_in_the_code_are_those_that_the_migrations_make(
    service_url: str,
) -> None:
    engine = create_engine(service_url, SCHEMA, name="test", pool_size=1)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "version_table_schema": SCHEMA}
        )
        return [
            found
            for found in compare_metadata(context, metadata)
            if not (found[0] == "remove_table" and found[1].name == "alembic_version")
        ]

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_the_services_role_owns_nothing(database: asyncpg.Pool) -> None:
    owned = await database.fetchval(
        "SELECT count(*) FROM pg_tables WHERE schemaname = $1 AND tableowner = 'csms_command'",
        SCHEMA,
    )
    assert owned == 0


async def test_ended_commands_and_the_audit_go_after_their_time(
    service_url: str, database: asyncpg.Pool
) -> None:
    engine = create_engine(service_url, SCHEMA, name="test", pool_size=1)
    tasks = {task.name: task for task in purges(command_days=400, audit_days=400)}
    day_ms = 86_400_000
    ids = {days: new_command_id(now_ms() - days * day_ms) for days in (500, 450, 399)}
    for days, command_id in ids.items():
        await database.execute(
            "INSERT INTO commands (command_id, station_id, ocpp_version, action, payload, status, "
            "created_by, created_at, deadline, held, attempts, completed_at) "
            "VALUES ($1, 'OLD', 'ocpp16', 'Reset', '{}', $3, 'test', "
            "now() - make_interval(days => $2), now(), false, 1, "
            "CASE WHEN $3 = 'completed' THEN now() - make_interval(days => $2) END)",
            command_id,
            days,
            "pending" if days == 450 else "completed",
        )
        await database.execute(
            "INSERT INTO audit (at, principal, role, address, method, path) "
            "VALUES (now() - make_interval(days => $1), 'old', 'admin', '', 'PUT', '')",
            days,
        )
    for name in ("purge_commands", "purge_audit"):
        while await in_transaction(engine, tasks[name].work):
            pass
    left = await database.fetch("SELECT command_id FROM commands WHERE station_id = 'OLD'")
    # What has no end is never deleted.
    assert {row["command_id"] for row in left} == {ids[450], ids[399]}
    assert await database.fetchval("SELECT count(*) FROM audit WHERE principal = 'old'") == 1
    await database.execute("DELETE FROM commands WHERE station_id = 'OLD'")
    await engine.dispose()


async def test_every_purge_runs_with_the_rights_of_the_service(service_url: str) -> None:
    engine = create_engine(service_url, SCHEMA, name="test", pool_size=1)
    for task in purges(command_days=400, audit_days=400):
        await in_transaction(engine, task.work)
    await engine.dispose()


async def test_commands_that_are_to_be_checked_keep_no_other_and_wait_as_they_are(
    service_url: str,
) -> None:
    engine = create_engine(service_url, SCHEMA, name="test", pool_size=1)
    now = now_ms()
    unchecked = CommandRecord(
        command_id=new_command_id(now),
        station_id="",
        action="ClearCache",
        ocpp_version="ocpp16",
        payload={},
        status=CommandStatus.WAITING,
        created_by="test",
        created_ms=now,
        deadline_ms=now + 600_000,
        held=True,
        unchecked=True,
    )
    stations = [f"UNCHECKED-{number}" for number in range(130)]
    waiting = [
        replace(unchecked, command_id=new_command_id(now - 1000), station_id=station_id)
        for station_id in stations
        for _ in range(AT_ONCE)
    ]
    checked = replace(unchecked, station_id=stations[0], unchecked=False)
    async with engine.connect() as connection:
        await insert_commands(connection, [NewCommand(one, None) for one in (*waiting, checked)])
        taken = await take_held(connection, stations, [], [])
        first = await find_unchecked(connection, stations, [], [], [], [], 1000)
        in_hand = {one.command_id for one in first}
        others = await find_unchecked(connection, stations, [], [], in_hand, [], 1000)
        refused = await find_unchecked(connection, stations, stations, ["ClearCache"], [], [], 1000)
        # Two processes check the same: what the first has stored stays.
        stored = [await write_prepared(connection, first[0], first[0]) for _ in range(2)]
        left = await find_unchecked(connection, [first[0].station_id], [], [], [], [], 1000)
        await connection.rollback()
    await engine.dispose()
    assert [one.command_id for one in taken] == [checked.command_id]
    assert (len(in_hand), len(others)) == (1000, len(waiting) - 1000)
    assert in_hand.isdisjoint(one.command_id for one in others)
    assert {(one.status, one.attempts) for one in first} == {(CommandStatus.WAITING, 0)}
    assert refused == []
    assert stored == [True, False]
    assert first[0].command_id not in {one.command_id for one in left}


async def test_writes_are_audited_with_their_outcome(
    admin: httpx.AsyncClient, database: asyncpg.Pool
) -> None:
    name = secrets.token_hex(6)
    await admin.post("/api-keys", json={"name": name, "role": "viewer"})
    await admin.delete(f"/users/{name}")
    rows = await database.fetch(
        f"SELECT principal, role, method, path, status FROM {AUDIT} ORDER BY id DESC LIMIT 2"
    )
    assert [tuple(row) for row in rows] == [
        ("user:admin", "admin", "DELETE", f"/api/v1/users/{name}", 404),
        ("user:admin", "admin", "POST", "/api/v1/api-keys", 201),
    ]


@pytest.mark.parametrize("status", [404, 409, 500, 503])
async def test_the_audit_notes_the_status_that_the_client_got_however_the_request_ended(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool, status: int
) -> None:
    def fail(_: dict[str, Any]) -> None:
        raise refuse(status, "any", "whatever it is")

    name = secrets.token_hex(6)
    stations.sessions.operations["id_tokens.change"] = fail
    answer = await admin.patch(f"/id-tokens/{name}", json={"status": "blocked"})
    noted = await database.fetchval(f"SELECT status FROM {AUDIT} WHERE path LIKE '%' || $1", name)
    assert noted == answer.status_code == status


async def test_a_report_that_can_not_be_read_is_parked_alone_and_again_when_it_is_replayed(
    admin: httpx.AsyncClient, stations: Stations, broker_url: str
) -> None:
    station_id, marker = stations.online(), secrets.token_hex(8)
    async with Link(broker_url, "test") as link:
        await Publisher(link).publish(
            Outgoing(
                "",
                COMMAND_RESULTS_QUEUE,
                MessageType.COMMAND_REPORTS,
                f'{{"gateway_id": "g", "items": [{{"nonsense": "{marker}"}}]}}'.encode(),
            )
        )
    stations.gateway.script[station_id] = answered({"status": "Accepted"})
    command = await admin.post(f"/stations/{station_id}/commands/Reset", json={"type": "Soft"})
    assert command.json()["status"] == "completed"
    for service in (stations.registry, stations.sessions):
        service.operations["parked.list"] = lambda _: {"items": [], "next_cursor": None}

    async def parked() -> list[dict[str, Any]]:
        items = (await admin.get("/parked?limit=500")).json()["items"]
        return [item for item in items if marker in item["body"]]

    (item,) = await eventually(parked, lambda found: len(found) == 1)
    assert item["service"] == "command-api"
    assert item["queue"] == COMMAND_RESULTS_QUEUE
    assert item["replayed_at"] is None
    assert (await admin.post(f"/parked/{item['id']}/replay")).status_code == 204
    (again,) = await eventually(
        parked, lambda found: [one["parked_at"] for one in found] != [item["parked_at"]]
    )
    assert {**again, "parked_at": item["parked_at"]} == item
    assert (await admin.delete(f"/parked/{item['id']}")).status_code == 204
