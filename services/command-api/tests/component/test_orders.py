"""Commands that other services want sent, from the broker to their end."""

import asyncio
import secrets
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import orjson
import pytest
from command_api_fakes import Stations, answered, eventually, reporting
from commands_over_rest import becomes
from fake_service import Unanswered
from orders_of_services import ends, order, place

from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import COMMAND_ORDERS_KEY, REQUESTS
from csms_shared.contracts.commands import CommandOutcome
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.orders import CommandOrder
from csms_shared.contracts.refusals import refuse
from csms_shared.runtime.clock import now_ms

pytestmark = pytest.mark.asyncio(loop_scope="package")

PASSWORD = "0123456789abcdef0123"


async def test_an_order_that_comes_twice_is_one_command(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    ordered = order(stations.online())
    await place(stations, ordered, ordered)
    command = await becomes(admin, str(ordered.order_id), 30, status="completed")
    assert (command["created_by"], command["accepted"]) == ("session-service", True)
    await place(stations, ordered)
    behind = order(stations.online())
    await place(stations, behind)
    await becomes(admin, str(behind.order_id), 30, status="completed")
    assert len(stations.gateway.commands_to(ordered.station_id)) == 1
    assert [told.status for told in await ends(database, ordered)] == ["completed"]


async def test_an_order_for_a_station_that_is_offline_is_sent_when_it_connects(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.offline()
    ordered = order(station_id)
    await place(stations, ordered)
    await becomes(admin, str(ordered.order_id), 30, status="waiting")
    stations.online(station_id)
    await stations.emit_connected(station_id)
    await becomes(admin, str(ordered.order_id), 30, status="completed")
    (sent,) = stations.gateway.commands_to(station_id)
    assert sent.command_id == str(ordered.order_id)


@pytest.mark.parametrize(
    ("status", "action", "payload", "code"),
    [
        (None, "ClearCache", {}, "UNKNOWN_STATION"),
        ("rejected", "ClearCache", {}, "STATION_REJECTED"),
        ("accepted", "Reset", {"type": "Warm"}, "PAYLOAD_INVALID"),
        (
            "accepted",
            "ChangeConfiguration",
            {"key": "AuthorizationKey", "value": PASSWORD},
            "ROTATION_NOT_ORDERED",
        ),
        (
            "accepted",
            "CertificateSigned",
            {"certificateChain": "x" * 10_000},
            "CERTIFICATE_CHAIN_TOO_LONG",
        ),
    ],
)
async def test_an_order_that_can_not_be_followed_ends_with_an_error_that_is_told(
    admin: httpx.AsyncClient,
    stations: Stations,
    database: asyncpg.Pool,
    status: str | None,
    action: str,
    payload: dict[str, Any],
    code: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    takes = {"CertificateSignedMaxChainSize": "2000"}
    monkeypatch.setitem(stations.registry.operations, "configuration.values", lambda _: takes)
    station_id = stations.online(status=status) if status else f"nobody-{secrets.token_hex(4)}"
    ordered = order(station_id, action, payload=payload)
    neighbour = order(stations.online())
    await place(stations, ordered, neighbour)
    await becomes(admin, str(ordered.order_id), 30, status="error")
    await becomes(admin, str(neighbour.order_id), 30, status="completed")
    (told,) = await ends(database, ordered)
    assert told.error is not None
    assert told.error.code == code
    assert stations.gateway.commands_to(station_id) == []
    assert PASSWORD not in str(await database.fetch("SELECT commands::text FROM commands"))


async def test_every_other_end_of_an_ordered_command_is_told(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    silent = stations.offline()
    expired = order(silent, deadline_ms=now_ms() + 1_500)
    late = order(silent, deadline_ms=now_ms() - 1)
    unknown, failed = order(stations.online()), order(stations.online())
    rejected = order(stations.online())
    script = stations.gateway.script
    script[unknown.station_id] = reporting(CommandOutcome.OUTCOME_UNKNOWN)
    script[failed.station_id] = reporting(CommandOutcome.ERROR, error_code="NotSupported")
    script[rejected.station_id] = answered({"status": "Rejected"})
    await place(stations, expired, late, unknown, failed, rejected)
    for ordered, status in (
        (expired, "expired"),
        (late, "expired"),
        (unknown, "outcome_unknown"),
        (failed, "error"),
        (rejected, "completed"),
    ):
        await becomes(admin, str(ordered.order_id), 30, status=status)
        (told,) = await ends(database, ordered)
        assert (told.status, told.action, told.created_by) == (
            status,
            "ClearCache",
            "session-service",
        )
        assert datetime.fromisoformat(told.completed_at) <= datetime.now(UTC)
    (told,) = await ends(database, rejected)
    assert (told.accepted, told.response) == (False, {"status": "Rejected"})
    (sent,) = stations.gateway.commands_to(unknown.station_id)
    await stations.gateway.report(
        stations.gateway.reply_keys[sent.command_id], answered({"status": "Accepted"})(sent)
    )
    await becomes(admin, str(unknown.order_id), 30, status="completed")
    assert [told.status for told in await ends(database, unknown)] == [
        "outcome_unknown",
        "completed",
    ]


async def test_an_order_that_can_not_be_checked_is_parked_and_its_neighbour_followed(
    stations: Stations,
    admin: httpx.AsyncClient,
    database: asyncpg.Pool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> object:
        raise refuse(500, "internal_error", "a defect of the registry")

    monkeypatch.setitem(stations.registry.operations, "configuration.values", fail)
    station_id = stations.online()
    unchecked = order(station_id, "CertificateSigned", payload={"certificateChain": "x"})
    good = order(station_id)
    await place(stations, unchecked, good)
    await becomes(admin, str(good.order_id), 30, status="completed")

    async def parked() -> int:
        found: int = await database.fetchval(
            "SELECT count(*) FROM parked WHERE station_id = $1", station_id
        )
        return found

    assert await eventually(parked, lambda count: count == 1) == 1
    await database.execute("DELETE FROM parked WHERE station_id = $1", station_id)
    (sent,) = stations.gateway.commands_to(station_id)
    assert sent.command_id == str(good.order_id)


async def test_an_order_that_is_nested_deeper_than_json_is_written_is_parked_alone(
    stations: Stations, admin: httpx.AsyncClient, database: asyncpg.Pool
) -> None:
    station_id = stations.online()
    good, behind = order(station_id), order(station_id)
    deep = orjson.Fragment(b"[" * 300 + b"]" * 300)
    bad = {**orjson.loads(order(station_id).model_dump_json()), "payload": {"deep": deep}}
    body = orjson.dumps({"items": [bad, orjson.loads(good.model_dump_json())]})
    await stations.publish(Outgoing(REQUESTS, COMMAND_ORDERS_KEY, MessageType.COMMAND_ORDERS, body))
    await becomes(admin, str(good.order_id), 10, status="completed")
    await place(stations, behind)
    await becomes(admin, str(behind.order_id), 10, status="completed")

    async def parked() -> int:
        found: int = await database.fetchval(
            "SELECT count(*) FROM parked WHERE station_id = $1", station_id
        )
        return found

    assert await eventually(parked, lambda count: count == 1) == 1
    await database.execute("DELETE FROM parked WHERE station_id = $1", station_id)


async def test_an_ordered_start_for_a_token_that_no_column_holds_is_sent_as_ordered(
    stations: Stations, admin: httpx.AsyncClient
) -> None:
    station_id = stations.online()
    ordered = order(station_id, "RemoteStartTransaction", payload={"idTag": "A\0B"})
    await place(stations, ordered)
    await becomes(admin, str(ordered.order_id), 10, status="completed")
    (sent,) = stations.gateway.commands_to(station_id)
    assert sent.payload == {"idTag": "A\0B"}


async def test_an_order_that_can_not_be_checked_yet_keeps_no_neighbour_waiting(
    stations: Stations,
    admin: httpx.AsyncClient,
    database: asyncpg.Pool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = True

    def values(_: object) -> dict[str, str]:
        if away:
            raise refuse(503, "service_unavailable", "the database is away")
        return {}

    monkeypatch.setitem(stations.registry.operations, "configuration.values", values)
    station_id = stations.online()
    unchecked = order(station_id, "CertificateSigned", payload={"certificateChain": "x"})
    good = order(station_id)
    bad = {**orjson.loads(good.model_dump_json()), "deadline_ms": "never"}
    body = orjson.dumps(
        {
            "items": [
                orjson.loads(unchecked.model_dump_json()),
                bad,
                orjson.loads(good.model_dump_json()),
            ]
        }
    )
    await stations.publish(Outgoing(REQUESTS, COMMAND_ORDERS_KEY, MessageType.COMMAND_ORDERS, body))
    await becomes(admin, str(good.order_id), 10, status="completed")
    away = False
    await becomes(admin, str(unchecked.order_id), 30, status="completed")
    assert len(stations.gateway.commands_to(station_id)) == 2

    async def parked() -> int:
        found: int = await database.fetchval(
            "SELECT count(*) FROM parked WHERE station_id = $1", station_id
        )
        return found

    assert await eventually(parked, lambda count: count > 0) == 1
    await database.execute("DELETE FROM parked WHERE station_id = $1", station_id)


@pytest.mark.usefixtures("admin")
async def test_stored_orders_that_nobody_answers_about_take_no_room_from_those_that_come(
    stations: Stations, database: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered_about = stations.online()

    def values(of: dict[str, Any]) -> dict[str, str]:
        if of["station_id"] != answered_about:
            raise Unanswered
        return {}

    monkeypatch.setitem(stations.registry.operations, "configuration.values", values)

    def to_be_checked(station_id: str) -> CommandOrder:
        return order(station_id, "CertificateSigned", payload={"certificateChain": "x"})

    async def unchecked(*orders: CommandOrder) -> list[bool]:
        rows = await database.fetch(
            "SELECT unchecked FROM commands WHERE command_id = ANY($1)",
            [one.order_id for one in orders],
        )
        return [row["unchecked"] for row in rows]

    unanswered = [to_be_checked(stations.online()) for _ in range(30)]
    await place(stations, *unanswered)
    await eventually(lambda: unchecked(*unanswered), lambda found: len(found) == 30)
    # By now they are being checked again.
    await asyncio.sleep(0.5)
    behind = to_be_checked(answered_about)
    await place(stations, behind)
    assert await eventually(lambda: unchecked(behind), bool) == [False]
    await database.execute(
        "DELETE FROM commands WHERE command_id = ANY($1)", [one.order_id for one in unanswered]
    )


async def test_nobody_is_asked_again_about_an_order_that_is_a_command_already(
    stations: Stations, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def values(of: object) -> dict[str, str]:
        asked.append(of)
        return {}

    monkeypatch.setitem(stations.registry.operations, "configuration.values", values)
    station_id = stations.online()
    ordered = order(station_id, "CertificateSigned", payload={"certificateChain": "x"})
    await place(stations, ordered)
    await becomes(admin, str(ordered.order_id), 30, status="completed")
    behind = order(station_id)
    await place(stations, ordered, behind)
    await becomes(admin, str(behind.order_id), 30, status="completed")
    assert len(asked) == 1
    assert len(stations.gateway.commands_to(station_id)) == 2


async def test_an_order_that_is_none_is_parked_and_its_neighbour_followed(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    good = order(stations.online())
    bad = {**orjson.loads(good.model_dump_json()), "order_id": "none"}
    body = orjson.dumps({"items": [bad, orjson.loads(good.model_dump_json())]})
    await stations.publish(Outgoing(REQUESTS, COMMAND_ORDERS_KEY, MessageType.COMMAND_ORDERS, body))
    await becomes(admin, str(good.order_id), 30, status="completed")

    async def parked() -> int:
        found: int = await database.fetchval(
            "SELECT count(*) FROM parked WHERE station_id = $1", good.station_id
        )
        return found

    assert await eventually(parked, lambda count: count == 1) == 1
    await database.execute("DELETE FROM parked WHERE station_id = $1", good.station_id)
