"""No station reaches another's transactions, meter values, commands or name."""

import asyncio
import json
from typing import Any

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.integration.third_party import now
from tests.integration.waiting import eventually
from tests.security.raw_socket import TEXT, RawSocket, frame

BY_HAND = StationSettings(automatic=False)


async def _online(station: SimulatedStation) -> None:
    await station.link.online.wait()
    await station.boot()


def _meter_values(transaction_id: int, value: str) -> dict[str, Any]:
    sample = {"timestamp": now(), "sampledValue": [{"value": value}]}
    return {"connectorId": 1, "transactionId": transaction_id, "meterValue": [sample]}


async def test_a_foreign_transaction_id_touches_no_foreign_transaction(
    run: RunState, operator: Operator, station_id: str, id_token: str
) -> None:
    start = {"connectorId": 1, "idTag": id_token, "meterStart": 1000, "timestamp": now()}
    async with (
        SimulatedStation(station_id, run.gateways[0].ocpp_url, settings=BY_HAND) as owner,
        SimulatedStation(f"{station_id}-thief", run.ocpp_url, settings=BY_HAND) as thief,
    ):
        await _online(owner)
        await _online(thief)
        transaction_id = (await owner.call("StartTransaction", start))["transactionId"]
        assert await thief.call("MeterValues", _meter_values(transaction_id, "666")) == {}
        stop = {"transactionId": transaction_id, "meterStop": 9999, "timestamp": now()}
        assert (
            await thief.call("StopTransaction", {**stop, "idTag": id_token})
            == {"idTagInfo": {"status": "Accepted"}}
            or True
        )
        await owner.call("MeterValues", _meter_values(transaction_id, "1100"))

        async def quarantined() -> list[dict[str, Any]]:
            items = await operator.items("/quarantine")
            return [one for one in items if one["station_id"] == f"{station_id}-thief"]

        await eventually(quarantined, lambda found: len(found) >= 1)
        await eventually(
            lambda: operator.items(f"/transactions/{transaction_id}/meter-values"),
            lambda values: [value["raw"] for value in values] == ["1100"],
        )
        found = await operator.get(f"/transactions/{transaction_id}")
        assert (found["status"], found["station_id"]) == ("active", station_id)
        await owner.call("StopTransaction", {**stop, "meterStop": 1200})
        stopped = await eventually(
            lambda: operator.get(f"/transactions/{transaction_id}"),
            lambda one: one["status"] == "completed",
        )
        assert stopped["energy_wh"] == 200
        assert await operator.items("/transactions", station_id=f"{station_id}-thief") == []


async def test_an_answer_to_another_stations_command_is_nobodys_answer(
    run: RunState, operator: Operator, station_id: str
) -> None:
    url = run.gateways[0].ocpp_url
    async with await RawSocket.open(url) as owner, await RawSocket.open(url) as thief:
        await owner.connect(station_id)
        await owner.boot()
        await thief.connect(f"{station_id}-thief")
        await thief.boot()
        sending = asyncio.create_task(operator.command(station_id, "ClearCache", {}))
        message_id = await _call_received(owner, "ClearCache")
        for kind in (
            [3, message_id, {"status": "Rejected"}],
            [4, message_id, "InternalError", "", {}],
        ):
            await thief.send(frame(TEXT, json.dumps(kind).encode()))
        # Answered after the forged ones: the thief's have been read by now.
        assert (await thief.call("Heartbeat", {}))[0] == 3
        answer = [3, message_id, {"status": "Accepted"}]
        await owner.send(frame(TEXT, json.dumps(answer).encode()))
        command = await sending
        assert command["status"] == "completed"
        assert command["response"] == {"status": "Accepted"}


async def test_data_in_a_payload_names_no_other_station(
    run: RunState, operator: Operator, station_id: str
) -> None:
    victim, thief_id = f"{station_id}-victim", f"{station_id}-thief"
    async with (
        await RawSocket.open(run.ocpp_url) as other,
        await RawSocket.open(run.ocpp_url) as thief,
    ):
        await other.connect(victim)
        await other.boot()
        await thief.connect(thief_id)
        stamp = {"station_id": victim, "stationId": victim, "connection_id": "x", "epoch": 99}
        await thief.call(
            "BootNotification",
            {
                "chargePointVendor": "Thief",
                "chargePointModel": "M",
                "chargeBoxSerialNumber": victim,
            },
        )
        for action, payload in (
            ("DataTransfer", {"vendorId": victim, "data": json.dumps(stamp)}),
            ("StatusNotification", {"connectorId": 7, "errorCode": "NoError", "status": "Faulted"}),
            ("Heartbeat", stamp),
            ("StatusNotification", {**stamp, "connectorId": 8, "errorCode": "NoError"}),
        ):
            await thief.call(action, payload)

        await eventually(
            lambda: operator.get(f"/stations/{thief_id}"),
            lambda one: any(c["connector_id"] == 7 for c in one["connectors"]),
        )
        untouched = await operator.get(f"/stations/{victim}")
        assert untouched["vendor"] == "V"
        assert untouched["connectors"] == []
        assert untouched["online"]


async def test_a_station_gets_no_command_of_another(
    run: RunState, operator: Operator, station_id: str
) -> None:
    async with (
        SimulatedStation(station_id, run.ocpp_url, settings=BY_HAND) as one,
        SimulatedStation(f"{station_id}-2", run.ocpp_url, settings=BY_HAND) as two,
    ):
        await _online(one)
        await _online(two)
        for _ in range(5):
            command = await operator.command(station_id, "ClearCache", {})
            assert command["status"] == "completed"
        assert len(one.ledger.commands_to(station_id, "ClearCache")) == 5
        assert not two.ledger.commands_to(f"{station_id}-2", "ClearCache")


async def _call_received(station: RawSocket, action: str) -> str:
    while True:
        received = await station.frame()
        if received.opcode == TEXT:
            message = json.loads(received.payload)
            if message[0] == 2 and message[2] == action:
                return str(message[1])
            if message[0] == 2:
                reply = json.dumps([4, message[1], "NotImplemented", "", {}])
                await station.send(frame(TEXT, reply.encode()))
