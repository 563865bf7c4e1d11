"""A command from REST to the gateway and back, with every way it may end."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from command_api_fakes import (
    Answer,
    Stations,
    accepted,
    answered,
    eventually,
    report,
    reporting,
    silent,
)
from commands_over_rest import becomes, get, send

from csms_shared.contracts.commands import Command, CommandOutcome, CommandReport

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_an_answered_command_is_completed_and_reads_the_same_afterwards(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    command = await send(admin, station_id)
    assert command["status"] == "completed"
    assert command["accepted"] is True
    assert command["response"] == {"status": "Accepted"}
    assert command["payload"] == {"type": "Soft"}
    assert command["created_by"] == "admin"
    for name in ("created_at", "sent_at", "completed_at", "deadline"):
        assert command[name].endswith("Z")
    read = await get(admin, command["command_id"])
    assert read == command


async def test_the_gateway_is_told_epoch_deadline_and_payload(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online(epoch=42)
    await send(admin, station_id, timeout=10)
    (command,) = stations.gateway.commands_to(station_id)
    assert (command.epoch, command.action, command.payload) == (42, "Reset", {"type": "Soft"})


async def test_a_no_is_completed_and_not_accepted(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = answered({"status": "Rejected"})
    command = await send(admin, station_id)
    assert (command["status"], command["accepted"]) == ("completed", False)


@pytest.mark.parametrize(
    ("outcome", "fields", "status"),
    [
        (CommandOutcome.ERROR, {"error_code": "NotSupported"}, "error"),
        (CommandOutcome.BUSY, {}, "error"),
        (CommandOutcome.EXPIRED, {}, "expired"),
        (CommandOutcome.OUTCOME_UNKNOWN, {}, "outcome_unknown"),
    ],
)
async def test_each_outcome_of_a_gateway_ends_the_command(
    admin: httpx.AsyncClient,
    stations: Stations,
    outcome: CommandOutcome,
    fields: Answer,
    status: str,
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = reporting(outcome, **fields)
    command = await send(admin, station_id)
    assert command["status"] == status
    if status == "error":
        assert command["error"]["code"] == fields.get("error_code", "BUSY")
    assert (await becomes(admin, command["command_id"], status=status))["completed_at"]


async def test_a_report_of_a_newer_gateway_is_set_aside_and_costs_no_other(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    newer, known = stations.online(), stations.online()
    stations.gateway.script[newer] = silent
    stations.gateway.script[known] = silent
    commands = [
        (await admin.post(f"/stations/{one}/commands/ClearCache", json={}, params={"wait": 0}))
        for one in (newer, known)
    ]
    ids = [answer.json()["command_id"] for answer in commands]

    async def received() -> list[Command]:
        return [one for one in stations.gateway.received if one.command_id in ids]

    sent = {one.command_id: one for one in await eventually(received, lambda all: len(all) == 2)}
    reports = [
        report(sent[ids[0]], "deferred"),
        report(sent[ids[1]], CommandOutcome.COMPLETED, response={"status": "Accepted"}),
    ]
    await stations.gateway.report(stations.gateway.reply_keys[ids[0]], reports)

    async def state() -> tuple[str, str, int]:
        shown = [(await admin.get(f"/commands/{one}")).json()["status"] for one in ids]
        parked = await database.fetchval("SELECT count(*) FROM parked WHERE station_id = $1", newer)
        return shown[0], shown[1], parked

    # Its own command is still open: what has become of it will be known once it is replayed.
    assert await eventually(state, lambda found: found[1:] == ("completed", 1)) == (
        "pending",
        "completed",
        1,
    )
    await database.execute("DELETE FROM parked WHERE station_id = $1", newer)


async def test_without_waiting_the_answer_is_202_and_the_command_goes_on(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = silent
    command = await send(admin, station_id, status=202, wait=0)
    assert command["status"] == "pending"
    (sent,) = await eventually(
        lambda: asyncio.sleep(0, stations.gateway.commands_to(station_id)), bool
    )
    await stations.gateway.report(stations.gateway.reply_keys[sent.command_id], accepted(sent))
    assert (await becomes(admin, command["command_id"], status="completed"))["accepted"] is True


async def test_a_command_that_is_not_answered_in_time_is_202_and_sent(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = reporting(CommandOutcome.SENT)
    command = await send(admin, station_id, status=202, wait=0.3)
    # As far as it was known then: the gateway's word may still be on its way.
    assert command["status"] in ("pending", "sent")
    await becomes(admin, command["command_id"], status="sent")


async def test_an_offline_station_ends_the_command_at_once(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    command = await send(admin, stations.offline())
    assert command["status"] == "station_offline"
    assert command["sent_at"] is None


async def test_a_gateway_that_has_gone_is_looked_up_again_and_the_new_one_gets_the_command(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online(gateway_id="gateway-gone-1")
    # The registry's answer at the second look-up; the first is in the map.
    answers = [dict(stations.owners[station_id])]
    stations.online(station_id, epoch=2)
    fresh = stations.owners[station_id]

    original = stations.registry.operations["owners.look_up"]

    def look_up(parameters: dict[str, Any]) -> list[dict[str, Any]]:
        if parameters["station_ids"] == [station_id]:
            owner = answers.pop() if answers else fresh
            return [{"station_id": station_id, **owner}]
        found: list[dict[str, Any]] = original(parameters)
        return found

    stations.registry.operations["owners.look_up"] = look_up
    try:
        command = await send(admin, station_id)
    finally:
        stations.registry.operations["owners.look_up"] = original
    assert command["status"] == "completed"
    assert [sent.epoch for sent in stations.gateway.commands_to(station_id)] == [2]


async def test_a_gateway_that_stays_gone_means_offline(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online(gateway_id="gateway-gone-2")
    command = await send(admin, station_id)
    assert command["status"] == "station_offline"


@pytest.mark.parametrize("outcome", [CommandOutcome.NOT_OWNER, CommandOutcome.SUPERSEDED])
async def test_a_command_that_was_not_written_is_tried_once_more(
    admin: httpx.AsyncClient, stations: Stations, outcome: CommandOutcome
) -> None:
    station_id = stations.online()
    tried: list[Command] = []

    def script(command: Command) -> list[CommandReport]:
        tried.append(command)
        return accepted(command) if len(tried) == 2 else [report(command, outcome)]

    stations.gateway.script[station_id] = script
    assert (await send(admin, station_id))["status"] == "completed"
    assert len(tried) == 2


async def test_a_command_that_is_never_written_is_tried_twice_and_no_more(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = reporting(CommandOutcome.NOT_OWNER)
    assert (await send(admin, station_id))["status"] == "station_offline"
    assert len(stations.gateway.commands_to(station_id)) == 2


async def test_a_late_answer_replaces_outcome_unknown_once(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = reporting(CommandOutcome.OUTCOME_UNKNOWN)
    command = await send(admin, station_id)
    assert command["status"] == "outcome_unknown"
    (sent,) = stations.gateway.commands_to(station_id)
    reply_key = stations.gateway.reply_keys[sent.command_id]
    late = report(sent, CommandOutcome.COMPLETED, response={"status": "Accepted"}, late=True)
    await stations.gateway.report(reply_key, [late])
    assert (await becomes(admin, command["command_id"], status="completed"))["accepted"] is True
    later = report(sent, CommandOutcome.ERROR, error_code="GenericError", late=True)
    await stations.gateway.report(reply_key, [later])
    await send(admin, stations.online())
    assert (await get(admin, command["command_id"]))["status"] == "completed"


async def test_a_result_survives_the_instance_that_asked(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = silent
    command = await send(admin, station_id, status=202, wait=0)
    sent = await eventually(
        lambda: asyncio.sleep(0, stations.gateway.commands_to(station_id)),
        bool,
    )
    # No queue of an instance is bound to this key: the durable one alone gets the result.
    await stations.gateway.report("command-api-gone.command", accepted(sent[0]))
    await becomes(admin, command["command_id"], status="completed")


async def test_the_sweeper_ends_overdue_commands_by_what_may_have_happened(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = silent
    pending = await send(admin, station_id, status=202, wait=0, timeout=1)
    stations.gateway.script[station_id] = reporting(CommandOutcome.SENT)
    sent = await send(admin, station_id, status=202, wait=0, timeout=1)
    await becomes(admin, sent["command_id"], status="sent")
    soon = (datetime.now(UTC) + timedelta(seconds=60)).isoformat()
    waiting = await send(admin, stations.offline(), status=202, wait=0, hold_until=soon)
    received = len(stations.gateway.received)
    await database.execute(
        "UPDATE commands SET deadline = now() - interval '36 seconds', sent_at = CASE WHEN "
        "sent_at IS NOT NULL THEN now() - interval '36 seconds' END WHERE command_id = ANY($1)",
        [command["command_id"] for command in (pending, sent, waiting)],
    )
    await becomes(admin, pending["command_id"], status="outcome_unknown")
    await becomes(admin, sent["command_id"], status="outcome_unknown")
    await becomes(admin, waiting["command_id"], status="expired")
    assert len(stations.gateway.received) == received


async def test_the_sweeper_wakes_who_waits(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    station_id = stations.online()
    stations.gateway.script[station_id] = silent
    waiting = asyncio.create_task(send(admin, station_id))
    await eventually(
        lambda: asyncio.sleep(0, stations.gateway.commands_to(station_id)),
        bool,
    )
    await database.execute(
        "UPDATE commands SET deadline = now() - interval '36 seconds' WHERE station_id = $1",
        station_id,
    )
    async with asyncio.timeout(10):
        assert (await waiting)["status"] == "outcome_unknown"


async def test_many_commands_at_once_all_get_their_own_answer(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_ids = [stations.online() for _ in range(60)]
    for station_id in station_ids:
        stations.gateway.script[station_id] = answered({"status": "Accepted", "data": station_id})
    answers = await asyncio.gather(
        *(
            send(admin, station_id, "DataTransfer", {"vendorId": station_id})
            for station_id in station_ids
        )
    )
    assert [answer["response"]["data"] for answer in answers] == station_ids


async def test_a_completed_command_is_told_as_an_event_in_the_outbox(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    station_id = stations.online()
    command = await send(admin, station_id)

    async def published() -> int:
        found: int = await database.fetchval(
            "SELECT count(*) FROM outbox WHERE published_at IS NOT NULL "
            "AND position($1 IN convert_from(events, 'UTF8')) > 0",
            command["command_id"],
        )
        return found

    await eventually(published, lambda count: count == 1)
