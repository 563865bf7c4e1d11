"""Commands that wait for a station, remote stops by connector, remote starts, passwords."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import asyncpg
import httpx
import pytest
from command_api_fakes import (
    Answer,
    Stations,
    answered,
    api_key,
    eventually,
    is_problem,
    report,
    reporting,
    silent,
)
from commands_over_rest import becomes, send

from command_api.commands.handlers import dispatch
from csms_shared.contracts.commands import Command, CommandOutcome, CommandReport
from csms_shared.ocpp.credentials import credential_proofs
from csms_shared.runtime.clock import now_ms
from csms_shared.runtime.errors import Unavailable

pytestmark = pytest.mark.asyncio(loop_scope="package")

PEPPER = b"pepper for the tests of this service"


async def hold(admin: httpx.AsyncClient, station_id: str, action: str = "ClearCache") -> Answer:
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    payload = {} if action == "ClearCache" else {"idTag": "TAG"}
    return await send(admin, station_id, action, payload, 202, wait=0, hold_until=until)


async def test_a_held_command_waits_until_its_station_connects(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.offline()
    command = await hold(admin, station_id)
    assert command["status"] == "waiting"
    stations.online(station_id)
    await stations.emit_connected(station_id)
    assert (await becomes(admin, command["command_id"], status="completed"))["accepted"] is True
    assert len(stations.gateway.commands_to(station_id)) == 1


async def test_a_held_command_for_a_connected_station_is_sent_at_once(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    command = await send(admin, stations.online(), "ClearCache", {}, hold_until=until)
    assert command["status"] == "completed"


async def test_a_held_command_that_is_stored_is_no_failure_should_the_database_be_away_then(
    admin: httpx.AsyncClient, stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> NoReturn:
        raise Unavailable("the database is away")

    station_id = stations.online()
    with monkeypatch.context() as outage:
        outage.setattr(dispatch, "find_unchecked", away)
        command = await hold(admin, station_id)
    await becomes(admin, command["command_id"], status="completed")
    assert len(stations.gateway.commands_to(station_id)) == 1


async def test_held_commands_are_sent_once_however_often_the_station_connects(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.offline()
    commands = [await hold(admin, station_id) for _ in range(3)]
    stations.online(station_id)
    await asyncio.gather(*(stations.emit_connected(station_id) for _ in range(5)))
    for command in commands:
        await becomes(admin, command["command_id"], status="completed")
    received = [command.command_id for command in stations.gateway.commands_to(station_id)]
    assert sorted(received) == sorted(command["command_id"] for command in commands)


async def test_a_held_command_that_was_not_written_waits_again(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.offline()
    command = await hold(admin, station_id)
    stations.gateway.script[station_id] = reporting(CommandOutcome.SUPERSEDED)
    stations.online(station_id)
    await stations.emit_connected(station_id)
    await eventually(
        lambda: asyncio.sleep(0, stations.gateway.commands_to(station_id)),
        lambda found: bool(found),
    )
    await becomes(admin, command["command_id"], status="waiting")
    del stations.gateway.script[station_id]
    await stations.emit_connected(station_id)
    await becomes(admin, command["command_id"], status="completed")


async def dispatched(stations: Stations, station_id: str, count: int = 1) -> list[Command]:
    return await eventually(
        lambda: asyncio.sleep(0, stations.gateway.commands_to(station_id)),
        lambda found: len(found) >= count,
    )


async def test_a_dispatched_held_command_is_over_soon_after_its_gateway_has_died(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = silent
    before = now_ms()
    command = await hold(admin, station_id)
    (sent,) = await dispatched(stations, station_id)
    due = await database.fetchval(
        "SELECT attempt_deadline FROM commands WHERE command_id = $1", command["command_id"]
    )
    assert round(due.timestamp() * 1000) == sent.deadline_ms
    # Written by then, answered within 30 s, swept 5 s later.
    assert before < sent.deadline_ms <= now_ms() + 55_000
    await database.execute(
        "UPDATE commands SET attempt_deadline = now() - interval '36 seconds' "
        "WHERE command_id = $1",
        command["command_id"],
    )
    over = await becomes(admin, command["command_id"], status="outcome_unknown")
    assert datetime.fromisoformat(over["deadline"]) > datetime.now(UTC)
    assert len(stations.gateway.commands_to(station_id)) == 1


@pytest.mark.parametrize("outcome", [CommandOutcome.EXPIRED, CommandOutcome.BUSY])
async def test_a_held_command_that_had_no_turn_at_its_gateway_waits_for_another_attempt(
    admin: httpx.AsyncClient, stations: Stations, outcome: CommandOutcome
) -> None:
    station_id = stations.online()

    def no_turn(command: Command) -> list[CommandReport]:
        return [report(command, outcome, attempt=command.attempt)]

    stations.gateway.script[station_id] = no_turn
    command = await hold(admin, station_id)
    await dispatched(stations, station_id)
    await becomes(admin, command["command_id"], status="waiting")
    del stations.gateway.script[station_id]
    await stations.emit_connected(station_id)
    await becomes(admin, command["command_id"], status="completed")
    first, second = stations.gateway.commands_to(station_id)
    assert first.attempt < second.attempt


async def test_a_station_gets_held_commands_a_few_at_a_time_in_the_order_they_were_given(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.offline()
    commands = [await hold(admin, station_id) for _ in range(30)]
    stations.gateway.script[station_id] = silent
    stations.online(station_id)
    await stations.emit_connected(station_id)
    few = await dispatched(stations, station_id, 8)
    behind = stations.offline()
    neighbours = await hold(admin, behind)
    stations.online(behind)
    await stations.emit_connected(behind)
    await becomes(admin, neighbours["command_id"], status="completed")
    assert len(stations.gateway.commands_to(station_id)) == 8
    del stations.gateway.script[station_id]
    for sent in few:
        await stations.gateway.report(
            stations.gateway.reply_keys[sent.command_id], answered({"status": "Accepted"})(sent)
        )
    for command in commands:
        await becomes(admin, command["command_id"], status="completed")
    received = [command.command_id for command in stations.gateway.commands_to(station_id)]
    assert received == [command["command_id"] for command in commands]


async def test_the_registration_is_checked_again_before_a_held_command_is_sent(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.offline()
    start = await hold(admin, station_id, "RemoteStartTransaction")
    clear = await hold(admin, station_id)
    stations.online(station_id, status="pending")
    await stations.emit_connected(station_id)
    await becomes(admin, clear["command_id"], status="completed")
    await becomes(admin, start["command_id"], status="waiting")
    stations.online(station_id)
    await stations.emit(
        "station.registration_changed", station_id, {"registration_status": "accepted"}
    )
    await becomes(admin, start["command_id"], status="completed")


async def test_a_remote_stop_by_connector_stops_its_open_transaction(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    stations.open_transactions[station_id] = {"2": 77}
    command = await send(admin, station_id, "RemoteStopTransaction", {"connectorId": 2})
    assert command["payload"] == {"transactionId": 77}
    none = await send(admin, station_id, "RemoteStopTransaction", {"connectorId": 1}, 409)
    assert none["code"] == "no_open_transaction"
    wrong = await send(admin, station_id, "RemoteStopTransaction", {"connectorId": "2"}, 422)
    assert wrong["errors"][0]["field"] == "/connectorId"


def started(transaction_id: int, token: str, connector_id: int = 1) -> Answer:
    return {
        "transaction_id": transaction_id,
        "connector_id": connector_id,
        "id_token": token,
        "started_at": "2020-01-01T00:00:00.000Z",
        "meter_start": 0,
        "authorization_status": "accepted",
    }


async def test_a_remote_start_is_linked_to_the_transaction_that_follows(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id, transaction_id = stations.online(), secrets.randbelow(2**31)
    command = await send(admin, station_id, "RemoteStartTransaction", {"idTag": "Tag"})
    await stations.emit("transaction.started", station_id, started(transaction_id, "TAG"))
    await becomes(admin, command["command_id"], transaction_id=transaction_id)


async def test_a_remote_start_is_linked_to_a_transaction_that_came_before_its_result(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    station_id, transaction_id = stations.online(), secrets.randbelow(2**31)
    stations.gateway.script[station_id] = reporting(CommandOutcome.SENT)
    command = await send(admin, station_id, "RemoteStartTransaction", {"idTag": "T"}, 202, wait=0)
    await stations.emit("transaction.started", station_id, started(transaction_id, "t"))

    async def kept() -> int:
        found: int = await database.fetchval(
            "SELECT count(*) FROM transaction_starts WHERE transaction_id = $1", transaction_id
        )
        return found

    await eventually(kept, lambda count: count == 1)
    (sent,) = stations.gateway.commands_to(station_id)
    await stations.gateway.report(
        stations.gateway.reply_keys[sent.command_id], answered({"status": "Accepted"})(sent)
    )
    await becomes(admin, command["command_id"], transaction_id=transaction_id)


async def test_one_start_is_linked_to_one_remote_start(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id, first_id = stations.online(), secrets.randbelow(2**30)
    first = await send(admin, station_id, "RemoteStartTransaction", {"idTag": "T"})
    second = await send(admin, station_id, "RemoteStartTransaction", {"idTag": "T"})
    for _ in range(2):
        await stations.emit("transaction.started", station_id, started(first_id, "T"))
    await becomes(admin, first["command_id"], transaction_id=first_id)
    await stations.emit("transaction.started", station_id, started(first_id + 1, "T", 2))
    await becomes(admin, second["command_id"], transaction_id=first_id + 1)


async def test_a_rejected_remote_start_is_linked_to_nothing(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id, transaction_id = stations.online(), secrets.randbelow(2**31)
    stations.gateway.script[station_id] = answered({"status": "Rejected"})
    rejected = await send(admin, station_id, "RemoteStartTransaction", {"idTag": "T"})
    del stations.gateway.script[station_id]
    accepted = await send(admin, station_id, "RemoteStartTransaction", {"idTag": "T"})
    await stations.emit("transaction.started", station_id, started(transaction_id, "T"))
    await becomes(admin, accepted["command_id"], transaction_id=transaction_id)
    await becomes(admin, rejected["command_id"], transaction_id=None)


KEY = "0123456789abcdef0123456789abcdef"
ROTATION = {"key": "AuthorizationKey", "value": KEY}


async def set_passwords(stations: Stations, station_id: str, count: int) -> list[Answer]:
    async def asked() -> list[Answer]:
        return [
            request
            for request in stations.registry.asked("stations.set_password")
            if request["station_id"] == station_id
        ]

    return await eventually(asked, lambda found: len(found) >= count)


@pytest.mark.parametrize(("response", "keeps"), [("Accepted", False), ("RebootRequired", True)])
async def test_a_changed_authorization_key_is_the_new_password_and_shown_nowhere(
    admin: httpx.AsyncClient,
    stations: Stations,
    database: asyncpg.Pool,
    response: str,
    keeps: bool,
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = answered({"status": response})
    command = await send(admin, station_id, "ChangeConfiguration", ROTATION)
    assert command["payload"] == {"key": "AuthorizationKey", "value": "***"}
    (sent,) = stations.gateway.commands_to(station_id)
    assert sent.payload == ROTATION
    offered, request = await set_passwords(stations, station_id, 2)
    assert (offered["keep_previous"], offered["either"]) == (True, True)
    assert (offered["rotation"], request["rotation"]) == (command["command_id"],) * 2
    # Until it must be written, and by when the station must have answered.
    assert 60 < offered["lasts_s"] <= 65
    assert "lasts_s" not in request
    assert (request["keep_previous"], request.get("either", False)) == (keeps, False)
    assert ("reboot_required_ms" in request) is keeps
    assert tuple(request["credential_proofs"]) == credential_proofs(
        PEPPER, station_id, KEY.encode()
    )
    assert KEY not in str(await database.fetch("SELECT commands::text FROM commands"))
    assert KEY not in str(await database.fetch("SELECT convert_from(events, 'UTF8') FROM outbox"))

    async def proofs() -> object:
        return await database.fetchval(
            "SELECT rotation_proofs FROM commands WHERE command_id = $1", command["command_id"]
        )

    assert await eventually(proofs, lambda found: found is None) is None


async def test_the_station_gets_a_secret_that_nobody_is_shown(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = answered({"status": "Accepted"})
    payload = {"key": "WebPassword", "value": "of nobody's concern"}
    command = await send(admin, station_id, "ChangeConfiguration", payload)
    shown = (await admin.get(f"/commands/{command['command_id']}")).json()
    assert command["payload"] == shown["payload"] == {"key": "WebPassword", "value": "***"}
    (sent,) = stations.gateway.commands_to(station_id)
    assert sent.payload == payload

    async def told() -> str:
        return str(await database.fetch("SELECT convert_from(events, 'UTF8') FROM outbox"))

    events = await eventually(told, lambda events: command["command_id"] in events, 60)
    assert payload["value"] not in events


@pytest.mark.parametrize(
    "script",
    [
        answered({"status": "Rejected"}),
        reporting(CommandOutcome.ERROR),
        reporting(CommandOutcome.EXPIRED),
        reporting(CommandOutcome.NOT_OWNER),
    ],
)
async def test_an_authorization_key_that_the_station_has_not_is_withdrawn(
    admin: httpx.AsyncClient,
    stations: Stations,
    script: Callable[[Command], list[CommandReport]],
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = script
    await send(admin, station_id, "ChangeConfiguration", ROTATION)
    offered, request = await set_passwords(stations, station_id, 2)
    assert "withdrawn" not in offered
    assert request["withdrawn"] is True


async def test_after_an_unknown_outcome_both_passwords_count_until_a_late_answer(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = reporting(CommandOutcome.OUTCOME_UNKNOWN)
    await send(admin, station_id, "ChangeConfiguration", ROTATION)
    for request in await set_passwords(stations, station_id, 2):
        assert (request["keep_previous"], request["either"]) == (True, True)
    (sent,) = stations.gateway.commands_to(station_id)
    await stations.gateway.report(
        stations.gateway.reply_keys[sent.command_id], answered({"status": "Accepted"})(sent)
    )
    assert (await set_passwords(stations, station_id, 3))[2]["keep_previous"] is False


@pytest.mark.parametrize(
    "late", [answered({"status": "Rejected"}), reporting(CommandOutcome.ERROR)]
)
async def test_a_late_no_withdraws_the_password_that_counted_meanwhile(
    admin: httpx.AsyncClient, stations: Stations, late: Callable[[Command], list[CommandReport]]
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = reporting(CommandOutcome.OUTCOME_UNKNOWN)
    await send(admin, station_id, "ChangeConfiguration", ROTATION)
    for request in await set_passwords(stations, station_id, 2):
        assert (request["either"], request.get("withdrawn", False)) == (True, False)
    (sent,) = stations.gateway.commands_to(station_id)
    await stations.gateway.report(stations.gateway.reply_keys[sent.command_id], late(sent))
    assert (await set_passwords(stations, station_id, 3))[2]["withdrawn"] is True


@pytest.mark.parametrize("key", ["AuthorizationKey", "authorizationkey"])
async def test_a_new_authorization_key_needs_the_role_that_sets_passwords(
    admin: httpx.AsyncClient, stations: Stations, rest_url: str, key: str
) -> None:
    station_id = stations.online()
    path = f"/api/v1/stations/{station_id}/commands/ChangeConfiguration"
    async with httpx.AsyncClient(base_url=rest_url, trust_env=False, timeout=60) as client:
        operator = await api_key(admin, "operator")
        refused = await client.post(path, json={**ROTATION, "key": key}, headers=operator)
        is_problem(refused, 403, "forbidden")
        other = await client.post(
            path, json={"key": "HeartbeatInterval", "value": "60"}, headers=operator
        )
        assert other.status_code == 200
    assert [sent.payload["key"] for sent in stations.gateway.commands_to(station_id)] == [
        "HeartbeatInterval"
    ]


async def test_a_new_authorization_key_can_not_be_held_or_too_short(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    held = await send(admin, station_id, "ChangeConfiguration", ROTATION, 422, hold_until=until)
    assert held["code"] == "rotation_not_held"
    short = await send(
        admin,
        station_id,
        "ChangeConfiguration",
        {"key": "authorizationkey", "value": "short"},
        422,
    )
    assert short["errors"][0]["field"] == "/value"
    assert stations.gateway.commands_to(station_id) == []
