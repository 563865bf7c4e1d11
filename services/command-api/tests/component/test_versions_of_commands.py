"""Stations that speak another version than their commands were made of, and checks that wait."""

import asyncio
from collections.abc import MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import asyncpg
import httpx
import orjson
import pytest
from command_api_fakes import Stations, accepted, eventually, is_problem, report
from commands_over_rest import becomes, send
from orders_of_services import ends, intended, order, place, place_raw

from command_api.commands.domain.preparation import AskedCommand, Prepared
from command_api.ocpp.preparations import PREPARATIONS
from command_api.ocpp.preparing import Known, Preparation
from csms_shared.contracts.commands import Command, CommandOutcome, CommandReport
from csms_shared.contracts.refusals import refuse
from csms_shared.ocpp.intents import AskForCertificate, InstallSignedCertificate
from csms_shared.ocpp.writing import WRITERS, Writer
from csms_shared.runtime.clock import now_ms

pytestmark = pytest.mark.asyncio(loop_scope="package")

LATER = "ocpp99"
CERTIFICATE = {"certificateChain": "x"}


@pytest.fixture
def later_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the suite write every intent in a version that is made up."""

    async def prepare(asked: AskedCommand, _: Known) -> Prepared:
        if asked.payload["wanted"] == "install_signed_certificate":
            raise refuse(422, "payload_invalid", "this version has none", ("/wanted", "none here"))
        return Prepared({**asked.payload, "prepared": True})

    preparations = cast(MutableMapping[tuple[str, str], Preparation], PREPARATIONS)
    monkeypatch.setitem(preparations, (LATER, "Fulfil"), prepare)
    writers = cast(MutableMapping[str, Writer], WRITERS)
    monkeypatch.setitem(writers, LATER, lambda intent: ("Fulfil", {"wanted": intent.kind}))


def speaking(stations: Stations, version: str, station_id: str | None = None) -> str:
    """Make a station that is connected by this version."""
    station_id = stations.online(station_id)
    stations.owners[station_id]["ocpp_version"] = version
    return station_id


async def hold(admin: httpx.AsyncClient, station_id: str) -> str:
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    held = await send(admin, station_id, "ClearCache", {}, 202, wait=0, hold_until=until)
    return str(held["command_id"])


@pytest.mark.usefixtures("later_version")
async def test_an_intent_is_written_in_the_version_that_its_station_comes_back_with(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    station_id = stations.offline()
    ordered = intended(station_id, AskForCertificate())
    await place(stations, ordered)
    waiting = await becomes(admin, str(ordered.order_id), 30, status="waiting")
    assert (waiting["ocpp_version"], waiting["action"]) == ("ocpp16", "ExtendedTriggerMessage")
    speaking(stations, LATER, station_id)
    await stations.emit_connected(station_id)
    shown = await becomes(admin, str(ordered.order_id), 30, status="completed")
    payload = {"wanted": "ask_for_certificate", "prepared": True}
    assert (shown["ocpp_version"], shown["action"], shown["payload"]) == (LATER, "Fulfil", payload)
    (sent,) = stations.gateway.commands_to(station_id)
    assert (sent.action, sent.payload) == ("Fulfil", payload)
    (told,) = await ends(database, ordered)
    assert (told.ocpp_version, told.action, told.payload) == (LATER, "Fulfil", payload)


@pytest.mark.usefixtures("later_version")
async def test_an_intent_for_a_station_of_another_version_is_sent_in_it_at_once(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = speaking(stations, LATER)
    ordered = intended(station_id, AskForCertificate())
    await place(stations, ordered)
    await becomes(admin, str(ordered.order_id), 30, status="completed", ocpp_version=LATER)
    assert [sent.action for sent in stations.gateway.commands_to(station_id)] == ["Fulfil"]


@pytest.mark.usefixtures("later_version")
async def test_an_intent_that_was_not_written_follows_its_station_through_its_versions(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = speaking(stations, LATER)

    def came_back_older(command: Command) -> list[CommandReport]:
        stations.gateway.script[station_id] = accepted
        speaking(stations, "ocpp16", station_id)
        return [report(command, CommandOutcome.SUPERSEDED, attempt=command.attempt)]

    stations.gateway.script[station_id] = came_back_older
    ordered = intended(station_id, AskForCertificate())
    await place(stations, ordered)
    await eventually(
        lambda: asyncio.sleep(0, stations.gateway.commands_to(station_id)), bool, within_s=30
    )
    await becomes(admin, str(ordered.order_id), 30, status="waiting", ocpp_version=LATER)
    await stations.emit_connected(station_id)
    shown = await becomes(admin, str(ordered.order_id), 30, status="completed")
    assert (shown["ocpp_version"], shown["action"]) == ("ocpp16", "ExtendedTriggerMessage")
    first, second = stations.gateway.commands_to(station_id)
    assert (first.action, second.action) == ("Fulfil", "ExtendedTriggerMessage")


@pytest.mark.usefixtures("later_version")
@pytest.mark.parametrize("is_there", [True, False])
async def test_an_intent_is_checked_by_the_rules_of_the_version_that_it_is_sent_in(
    admin: httpx.AsyncClient, stations: Stations, is_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(stations.registry.operations, "configuration.values", lambda _: {})
    station_id = speaking(stations, LATER) if is_there else stations.offline()
    ordered = intended(station_id, InstallSignedCertificate(chain="x"))
    await place(stations, ordered)
    if not is_there:
        await becomes(admin, str(ordered.order_id), 30, status="waiting")
        speaking(stations, LATER, station_id)
        await stations.emit_connected(station_id)
    shown = await becomes(admin, str(ordered.order_id), 30, status="error")
    assert shown["error"]["code"] == "PAYLOAD_INVALID"
    assert stations.gateway.commands_to(station_id) == []


@pytest.mark.parametrize("is_there", [True, False])
async def test_an_intent_ends_in_error_where_this_release_has_no_words_for_it(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool, is_there: bool
) -> None:
    station_id = speaking(stations, LATER) if is_there else stations.offline()
    ordered = intended(station_id, AskForCertificate())
    await place(stations, ordered)
    if not is_there:
        await becomes(admin, str(ordered.order_id), 30, status="waiting")
        speaking(stations, LATER, station_id)
        await stations.emit_connected(station_id)
    await becomes(admin, str(ordered.order_id), 30, status="error")
    (told,) = await ends(database, ordered)
    assert told.error is not None
    assert (told.error.code, told.ocpp_version) == ("UNKNOWN_OCPP_VERSION", "ocpp16")
    assert stations.gateway.commands_to(station_id) == []


async def test_a_held_command_of_an_operator_ends_in_error_where_its_station_has_changed(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.offline()
    held = await hold(admin, station_id)
    speaking(stations, LATER, station_id)
    await stations.emit_connected(station_id)
    shown = await becomes(admin, held, 30, status="error")
    assert shown["error"]["code"] == "OCPP_VERSION_CHANGED"
    assert (shown["ocpp_version"], shown["action"]) == ("ocpp16", "ClearCache")
    assert stations.gateway.commands_to(station_id) == []


@pytest.mark.parametrize("outcome", [CommandOutcome.NOT_OWNER, CommandOutcome.SUPERSEDED])
async def test_a_command_that_was_not_written_is_not_sent_in_another_version(
    admin: httpx.AsyncClient, stations: Stations, outcome: CommandOutcome
) -> None:
    station_id = stations.online()

    def came_back_newer(command: Command) -> list[CommandReport]:
        speaking(stations, LATER, station_id)
        return [report(command, outcome)]

    stations.gateway.script[station_id] = came_back_newer
    shown = await send(admin, station_id)
    assert (shown["status"], shown["error"]["code"]) == ("error", "OCPP_VERSION_CHANGED")
    assert len(stations.gateway.commands_to(station_id)) == 1


async def test_a_station_of_a_version_that_is_not_known_is_a_conflict(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = speaking(stations, LATER)
    answer = await admin.post(f"/stations/{station_id}/commands/ClearCache", json={})
    assert LATER in is_problem(answer, 409, "unknown_ocpp_version")["detail"]


async def test_an_order_of_an_older_service_is_one_of_1_6(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool
) -> None:
    old = [order(stations.online()), order(speaking(stations, LATER))]
    items = [
        {
            name: value
            for name, value in orjson.loads(one.model_dump_json()).items()
            if name not in ("ocpp_version", "intent")
        }
        for one in old
    ]
    await place_raw(stations, orjson.dumps({"items": items}))
    await becomes(admin, str(old[0].order_id), 30, status="completed", ocpp_version="ocpp16")
    await becomes(admin, str(old[1].order_id), 30, status="error")
    (told,) = await ends(database, old[1])
    assert told.error is not None
    assert told.error.code == "OCPP_VERSION_CHANGED"


async def test_an_intent_of_a_newer_service_is_the_call_beside_it(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    ordered = order(stations.online())
    item = {**orjson.loads(ordered.model_dump_json()), "intent": {"kind": "teleport_vehicle"}}
    await place_raw(stations, orjson.dumps({"items": [item]}))
    await becomes(admin, str(ordered.order_id), 30, status="completed", action="ClearCache")


@pytest.fixture
def registry_away(stations: Stations, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Have the registry answer about owners alone, until `values` says what else it knows."""
    says: dict[str, Any] = {"values": None}

    def values(_: object) -> Any:
        if says["values"] is None:
            raise refuse(503, "service_unavailable", "the database is away")
        return says["values"]

    monkeypatch.setitem(stations.registry.operations, "configuration.values", values)
    return says


async def test_orders_behind_one_that_can_not_be_checked_do_not_wait_for_it(
    admin: httpx.AsyncClient, stations: Stations, registry_away: dict[str, Any]
) -> None:
    station_id = stations.online()
    unchecked = [order(station_id, "CertificateSigned", payload=CERTIFICATE) for _ in range(9)]
    for one in unchecked:
        await place(stations, one)
    # Behind them at their station, and at another one.
    behind = [order(station_id), order(stations.online())]
    await place(stations, *behind)
    for one in behind:
        await becomes(admin, str(one.order_id), 10, status="completed")
    assert [sent.action for sent in stations.gateway.commands_to(station_id)] == ["ClearCache"]
    registry_away["values"] = {}
    for one in unchecked:
        await becomes(admin, str(one.order_id), 40, status="completed")
    assert len(stations.gateway.commands_to(station_id)) == 10


async def test_an_order_that_was_checked_late_ends_as_one_that_was_checked_at_once(
    admin: httpx.AsyncClient,
    stations: Stations,
    database: asyncpg.Pool,
    registry_away: dict[str, Any],
) -> None:
    station_id = stations.online()
    long = {"certificateChain": "x" * 2001}
    ordered = order(station_id, "CertificateSigned", payload=long)
    await place(stations, ordered)
    await eventually(lambda: _unchecked(database, station_id), lambda count: count == 1)
    registry_away["values"] = {"CertificateSignedMaxChainSize": "2000"}
    shown = await becomes(admin, str(ordered.order_id), 40, status="error")
    assert shown["error"]["code"] == "CERTIFICATE_CHAIN_TOO_LONG"
    assert stations.gateway.commands_to(station_id) == []


async def test_an_order_that_is_never_checked_expires(
    admin: httpx.AsyncClient, stations: Stations, registry_away: dict[str, Any]
) -> None:
    assert registry_away["values"] is None
    station_id = stations.online()
    ordered = order(
        station_id, "CertificateSigned", payload=CERTIFICATE, deadline_ms=now_ms() + 3_000
    )
    await place(stations, ordered)
    await becomes(admin, str(ordered.order_id), 40, status="expired")
    assert stations.gateway.commands_to(station_id) == []


async def _unchecked(database: asyncpg.Pool, station_id: str) -> int:
    found: int = await database.fetchval(
        "SELECT count(*) FROM commands WHERE station_id = $1 AND unchecked", station_id
    )
    return found
