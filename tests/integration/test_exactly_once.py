"""A session is one session, whatever is repeated, wherever, and in whatever order."""

import asyncio
from typing import Any

import pytest

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.integration.third_party import now
from tests.integration.waiting import eventually

BY_HAND = StationSettings(automatic=False)


def _start(id_token: str, meter_start: int = 1000) -> dict[str, Any]:
    return {"connectorId": 1, "idTag": id_token, "meterStart": meter_start, "timestamp": now()}


async def _online(station: SimulatedStation) -> None:
    await station.link.online.wait()
    await station.boot()


async def _transactions(operator: Operator, station_id: str) -> list[dict[str, Any]]:
    return await operator.items("/transactions", station_id=station_id)


@pytest.mark.parametrize("message_ids", [("same", "same"), ("one", "two")])
async def test_a_repeated_start_on_the_other_gateway_gets_the_same_answer(
    run: RunState,
    operator: Operator,
    station_id: str,
    id_token: str,
    message_ids: tuple[str, str],
) -> None:
    start = _start(id_token)
    answers = []
    for gateway, message_id in zip(run.gateways, message_ids, strict=True):
        async with SimulatedStation(station_id, gateway.ocpp_url, settings=BY_HAND) as station:
            await _online(station)
            answers.append(await station.call("StartTransaction", start, message_id))
            answers.append(await station.call("StartTransaction", start, message_id))
    assert answers == [answers[0]] * 4
    assert len(await _transactions(operator, station_id)) == 1


@pytest.mark.parametrize("message_ids", [("same", "same"), ("one", "two")])
async def test_a_repeated_stop_on_the_other_gateway_changes_nothing(
    run: RunState,
    operator: Operator,
    station_id: str,
    id_token: str,
    message_ids: tuple[str, str],
) -> None:
    stop: dict[str, Any] = {"meterStop": 1800, "timestamp": now(), "reason": "Local"}
    for gateway, message_id in zip(run.gateways, message_ids, strict=True):
        async with SimulatedStation(station_id, gateway.ocpp_url, settings=BY_HAND) as station:
            await _online(station)
            if "transactionId" not in stop:
                started = await station.call("StartTransaction", _start(id_token))
                stop["transactionId"] = started["transactionId"]
            for _ in range(2):
                assert await station.call("StopTransaction", stop, message_id) == {}
    stored = await eventually(
        lambda: _transactions(operator, station_id),
        lambda found: found[0]["status"] == "completed",
    )
    assert [(one["meter_stop"], one["energy_wh"]) for one in stored] == [(1800, 800)]


async def test_a_session_goes_on_at_the_other_gateway_without_a_boot(
    run: RunState, operator: Operator, station_id: str, id_token: str
) -> None:
    first, second = run.gateways
    async with SimulatedStation(station_id, first.ocpp_url, settings=BY_HAND) as station:
        await _online(station)
        started = await station.call("StartTransaction", _start(id_token))
    transaction_id = started["transactionId"]
    async with SimulatedStation(station_id, second.ocpp_url, settings=BY_HAND) as station:
        await station.link.online.wait()
        await station.call(
            "MeterValues",
            {
                "connectorId": 1,
                "transactionId": transaction_id,
                "meterValue": [{"timestamp": now(), "sampledValue": [{"value": "1100"}]}],
            },
        )
        await station.call(
            "StopTransaction",
            {"transactionId": transaction_id, "meterStop": 1200, "timestamp": now()},
        )
    stored = await eventually(
        lambda: operator.get(f"/transactions/{transaction_id}"),
        lambda found: found["status"] == "completed",
    )
    assert stored["energy_wh"] == 200
    values = await operator.items(f"/transactions/{transaction_id}/meter-values")
    assert [value["raw"] for value in values] == ["1100"]


async def test_the_newest_connection_wins_and_gets_the_commands(
    run: RunState, operator: Operator, station_id: str
) -> None:
    first, second = run.gateways
    once = StationSettings(automatic=False, first_reconnect_wait=60)
    async with SimulatedStation(station_id, first.ocpp_url, settings=once) as old:
        await old.link.online.wait()
        async with SimulatedStation(station_id, second.ocpp_url, settings=once) as new:
            await _online(new)
            async with asyncio.timeout(20):
                await old.link.offline.wait()
            command = await operator.command(station_id, "ClearCache", {})
            assert command["status"] == "completed"
            assert new.ledger.commands_to(station_id, "ClearCache")


async def test_a_stop_of_an_unknown_transaction_is_answered_and_kept(
    run: RunState, operator: Operator, station_id: str
) -> None:
    async with SimulatedStation(station_id, run.ocpp_url, settings=BY_HAND) as station:
        await _online(station)
        stop = {"transactionId": 2_000_000_001, "meterStop": 5, "timestamp": now()}
        assert await station.call("StopTransaction", stop) == {}

    async def quarantined() -> list[dict[str, Any]]:
        items = await operator.items("/quarantine")
        return [item for item in items if item["station_id"] == station_id]

    (item,) = await eventually(quarantined, lambda found: len(found) == 1)
    assert item["payload"]["meterStop"] == 5
