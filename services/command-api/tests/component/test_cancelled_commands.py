"""Commands that are cancelled while they wait, and those that are on their way by then."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import pytest
from asyncpg.pool import PoolConnectionProxy
from command_api_fakes import Answer, Stations, api_key, eventually, is_problem, silent
from commands_over_rest import becomes, get, send

pytestmark = pytest.mark.asyncio(loop_scope="package")

CONNECTIONS = 30


def in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


async def hold(admin: httpx.AsyncClient, station_id: str) -> str:
    held = await send(admin, station_id, "ClearCache", {}, 202, wait=0, hold_until=in_an_hour())
    command_id: str = held["command_id"]
    return command_id


async def cancel(client: httpx.AsyncClient, command_id: str, **options: Any) -> httpx.Response:
    return await client.post(f"/commands/{command_id}/cancel", **options)


async def cancelled(admin: httpx.AsyncClient, command_id: str) -> Answer:
    answer = await cancel(admin, command_id)
    assert answer.status_code == 200, answer.text
    document: Answer = answer.json()
    assert (document["status"], document["error"]["code"]) == ("error", "CANCELLED")
    return document


async def sent_to(admin: httpx.AsyncClient, stations: Stations, station_id: str) -> list[str]:
    """Return which commands a connected station got, once it has got all that waited for it."""
    await stations.emit_connected(station_id)
    last = await send(admin, station_id, "ClearCache", {}, hold_until=in_an_hour())
    assert last["status"] == "completed"
    got = [command.command_id for command in stations.gateway.commands_to(station_id)]
    return [command_id for command_id in got if command_id != last["command_id"]]


async def test_a_waiting_command_that_is_cancelled_ends_and_is_never_sent(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.offline()
    command_id = await hold(admin, station_id)
    ended = await cancelled(admin, command_id)
    assert ended["error"]["description"] == "cancelled by admin before it was sent"
    assert (ended["sent_at"], ended["accepted"], ended["response"]) == (None, None, None)
    assert ended["created_at"] <= ended["completed_at"]
    assert await get(admin, command_id) == ended
    stations.online(station_id)
    assert await sent_to(admin, stations, station_id) == []
    assert await get(admin, command_id) == ended


async def test_to_cancel_again_is_harmless(admin: httpx.AsyncClient, stations: Stations) -> None:
    command_id = await hold(admin, stations.offline())
    first = await cancelled(admin, command_id)
    other = await cancel(admin, command_id, headers=await api_key(admin, "operator"))
    assert (other.status_code, other.json()) == (200, first)


async def test_its_end_is_told_once_as_every_end_of_a_command(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    command_id = await hold(admin, stations.offline())
    ended = await cancelled(admin, command_id)
    await cancelled(admin, command_id)

    async def told() -> dict[str, Answer]:
        # By its id: what is told twice has the same.
        return {
            one["id"]: one["data"]
            for one in stations.store.events
            if one["data"].get("command_id") == command_id
        }

    assert list((await eventually(told, bool)).values()) == [ended]


async def test_whoever_waits_for_its_end_gets_it(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.offline()
    waiting = asyncio.create_task(
        send(admin, station_id, "ClearCache", {}, wait=60, hold_until=in_an_hour())
    )

    async def listed() -> list[Answer]:
        page = await admin.get("/commands", params={"station_id": station_id})
        found: list[Answer] = page.json()["items"]
        return found

    (held,) = await eventually(listed, bool)
    ended = await cancelled(admin, held["command_id"])
    async with asyncio.timeout(60):
        assert await waiting == ended


async def test_what_may_have_been_written_or_has_ended_is_not_cancelled(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    ended = await send(admin, stations.online(), "ClearCache", {})
    is_problem(await cancel(admin, ended["command_id"]), 409, "command_not_waiting")
    assert await get(admin, ended["command_id"]) == ended
    station_id = stations.online()
    stations.gateway.script[station_id] = silent
    for query in ("", f"&hold_until={quote(in_an_hour())}"):
        path = f"/stations/{station_id}/commands/ClearCache?wait=0{query}"
        sent = (await admin.post(path, json={})).json()
        await becomes(admin, sent["command_id"], status="pending")
        problem = is_problem(await cancel(admin, sent["command_id"]), 409, "command_not_waiting")
        assert "pending" in problem["detail"]
        assert (await get(admin, sent["command_id"]))["status"] == "pending"


async def test_only_an_operator_cancels_and_only_what_there_is(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    command_id = await hold(admin, stations.offline())
    async with httpx.AsyncClient(base_url=admin.base_url, trust_env=False) as client:
        viewer = await cancel(client, command_id, headers=await api_key(admin, "viewer"))
        is_problem(viewer, 403, "forbidden")
        is_problem(await cancel(client, command_id), 401, "unauthenticated")
    assert (await get(admin, command_id))["status"] == "waiting"
    for unknown in ("nonsense", "00000000-0000-7000-8000-000000000000"):
        problem = is_problem(await cancel(admin, unknown), 404, "not_found")
        assert problem["detail"] == f"there is no command {unknown}"


async def test_who_is_limited_cancels_what_is_of_the_stations_inside(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    inside, outside = stations.offline(), stations.offline()
    stations.inside |= {inside}
    scope = {"site_ids": ["harbour"], "tags": []}
    key = await admin.post("/api-keys", json={"name": "x", "role": "operator", "scope": scope})
    async with httpx.AsyncClient(
        base_url=admin.base_url, trust_env=False, headers={"X-API-Key": key.json()["key"]}
    ) as limited:
        hidden = await hold(admin, outside)
        is_problem(await cancel(limited, hidden), 404, "not_found")
        assert (await get(admin, hidden))["status"] == "waiting"
        await cancelled(limited, await hold(admin, inside))


async def test_the_audit_says_who_cancelled_and_who_asked_in_vain(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    command_id = await hold(admin, stations.offline())
    await cancelled(admin, command_id)
    is_problem(await cancel(admin, "no-command"), 404, "not_found")
    for target, status in ((command_id, 200), ("no-command", 404)):
        page = await admin.get("/audit", params={"target": f"commands/{target}"})
        (entry,) = page.json()["items"]
        assert (entry["actor"], entry["status"]) == ("user:admin", status)
        assert entry["path"] == f"/api/v1/commands/{target}/cancel"
        if status == 200:
            changed = (entry["before"]["status"], entry["after"]["status"])
            assert changed == ("waiting", "error")


async def test_a_command_group_counts_it(admin: httpx.AsyncClient, stations: Stations) -> None:
    names = [stations.offline() for _ in range(2)]
    body = {
        "action": "ClearCache",
        "payload": {},
        "to": {"station_ids": names},
        "hold_until": in_an_hour(),
    }
    group = (await admin.post("/command-groups", json=body)).json()
    path = f"/command-groups/{group['command_group_id']}"

    async def counts() -> Answer:
        found: Answer = (await admin.get(path)).json()["commands"]
        return found

    await eventually(counts, lambda found: found == {"waiting": 2})
    first, second = (await admin.get(f"{path}/commands")).json()["items"]
    await cancelled(admin, first["command_id"])
    assert await counts() == {"error": 1, "waiting": 1}
    await cancelled(admin, second["command_id"])
    over = await eventually(
        lambda: admin.get(path), lambda found: found.json()["completed_at"] is not None
    )
    assert (over.json()["status"], over.json()["commands"]) == ("completed", {"error": 2})


@asynccontextmanager
async def locked(
    database: asyncpg.Pool, command_id: str
) -> AsyncIterator["PoolConnectionProxy[asyncpg.Record]"]:
    """Hold the command as whoever takes it to be sent does, until the block commits."""
    async with database.acquire() as connection, connection.transaction():
        await connection.execute(
            "SELECT FROM commands WHERE command_id = $1 FOR UPDATE", command_id
        )
        yield connection


async def waiting_for_the_lock(
    connection: "PoolConnectionProxy[asyncpg.Record]",
) -> None:
    async def waiting() -> bool:
        found: bool = await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
            "AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
        )
        return found

    await eventually(waiting, bool)


@pytest.mark.parametrize("is_taken", [True, False])
async def test_a_cancellation_waits_for_whoever_is_taking_the_command_and_goes_by_what_they_did(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool, *, is_taken: bool
) -> None:
    command_id = await hold(admin, stations.offline())
    async with locked(database, command_id) as connection:
        asking = asyncio.create_task(cancel(admin, command_id))
        await waiting_for_the_lock(connection)
        if is_taken:
            await connection.execute(
                "UPDATE commands SET status = 'pending', attempts = 1, attempt_deadline = deadline "
                "WHERE command_id = $1",
                command_id,
            )
    answer = await asking
    if is_taken:
        is_problem(answer, 409, "command_not_waiting")
    else:
        assert answer.status_code == 200
    assert (await get(admin, command_id))["status"] == ("pending" if is_taken else "error")


async def test_a_command_is_sent_or_cancelled_and_never_both_when_its_station_connects_meanwhile(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    async def race(number: int) -> tuple[str, str, bool]:
        station_id = stations.offline(f"race-{number}-{secrets.token_hex(4)}")
        command_id = await hold(admin, station_id)
        stations.online(station_id)
        connecting = asyncio.create_task(stations.emit_connected(station_id))
        if number % 3:
            await asyncio.sleep(0.004 * (number % 10))
        answer = await cancel(admin, command_id)
        await connecting
        assert answer.status_code in (200, 409), answer.text
        return station_id, command_id, answer.status_code == 200

    for station_id, command_id, won in await asyncio.gather(*map(race, range(CONNECTIONS))):
        await becomes(admin, command_id, status="error" if won else "completed")
        got = await sent_to(admin, stations, station_id)
        assert got == ([] if won else [command_id])
        assert (await get(admin, command_id))["status"] == ("error" if won else "completed")
