"""Frames that are no OCPP 1.6, on a real connection: the error, and nothing else harmed (OCPP-J
1.6, chapter 4; RFC 6455, 7.4.1 and 8.1)."""

import asyncio
import json
from dataclasses import dataclass

import pytest
import websockets

from csms_local.run_state import RunState
from csms_simulator.mutations import FrameMutator
from tests.admitted import admitted
from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Payload, PlayedStation, at, connected

_MUTATED = 1_200
_UNDER_WAY = 8


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('[2,"x","Authorize",{"idTag":"04E5', "FormationViolation"),
        ('[2,"x","Heartbeat"]', "FormationViolation"),
        ('[2,"x","DataTransfer",{"vendorId":"V","data":' + "[" * 99 + "]" * 99 + "}]",
         "FormationViolation"),
        ('[2,"x","DataTransfer",{"vendorId":"V","data":' + "[" * 99_999 + "]" * 99_999 + "}]",
         "FormationViolation"),
        ('[2,"x","Frobnicate",{}]', "NotImplemented"),
        ('[2,"x","TransactionEvent",{}]', "NotImplemented"),
        ('[2,"x","Reset",{"type":"Soft"}]', "NotSupported"),
        ('[2,"x","Authorize",{}]', "OccurenceConstraintViolation"),
        ('[2,"x","Authorize",{"idTag":4}]', "TypeConstraintViolation"),
        ('[2,"x","Authorize",{"idTag":"AAAAAAAAAAAAAAAAAAAAA"}]', "PropertyConstraintViolation"),
        (b'[2,"x","Authorize",{"idTag":"\xff"}', "FormationViolation"),
    ],
)  # fmt: skip
async def test_a_wrong_frame_gets_its_error_and_the_connection_is_kept(
    station: PlayedStation, central: CentralSystem, frame: str | bytes, code: str
) -> None:
    answer = await station.send_frame("x", frame)
    assert (answer[0], answer[2]) == (4, code)
    assert (await station.call("Heartbeat", {})).keys() == {"currentTime"}
    await central.connector(1, "Available")
    await central.nothing_is_parked()


_BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
_SAMPLE = '{"timestamp":"2026-11-21T02:00:00Z","sampledValue":[{"value":230.1,"unit":"v"}]}'


@dataclass(frozen=True)
class Several:
    """A call with several things wrong, and what most and what strict stations are told of it."""

    action: str
    payload: str
    told: str
    strictly: str


SEVERAL = (
    Several("BootNotification", '{"chargePointVendor":"V","x":1}',
            "OccurenceConstraintViolation chargePointModel: missing",
            "FormationViolation x: unknown field"),
    Several("BootNotification", '{"chargePointModel":"M","firmwareVersion":1.2,"iccid":null,'
            '"meterType":"' + "M" * 30 + '"}',
            "OccurenceConstraintViolation chargePointVendor: missing",
            "OccurenceConstraintViolation chargePointVendor: missing"),
    Several("Authorize", '{"idTag":4,"x":1}',
            "TypeConstraintViolation idTag: ", "FormationViolation x: unknown field"),
    Several("Authorize", '{"idTag":"A","x":1}',
            "FormationViolation x: unknown field", "FormationViolation x: unknown field"),
    Several("StatusNotification",
            '{"connectorId":1,"status":"preparing","errorCode":"Error","info":"' + "i" * 51 + '"}',
            "PropertyConstraintViolation info: ", "PropertyConstraintViolation errorCode: "),
    Several("StartTransaction",
            '{"connectorId":1,"idTag":"' + "A" * 21 + '","timestamp":"now","x":1}',
            "OccurenceConstraintViolation meterStart: missing",
            "FormationViolation x: unknown field"),
    Several("MeterValues",
            '{"connectorId":1,"x":1,"meterValue":[{},{"sampledValue":[{"value":"1","y":2}]}]}',
            "OccurenceConstraintViolation meterValue.1.timestamp: missing",
            "FormationViolation meterValue.1.sampledValue.0.y: unknown field"),
    Several("MeterValues",
            '{"connectorId":1,"meterValue":[' + _SAMPLE.replace('"v"', "[]") + "]}",
            "TypeConstraintViolation meterValue.0.sampledValue.0.unit: ",
            "TypeConstraintViolation meterValue.0.sampledValue.0.unit: "),
    Several("StopTransaction",
            '{"meterStop":1,"timestamp":"2026-11-21T02:00:00Z","x":1,"reason":"EVFull",'
            '"transactionData":[{"sampledValue":[]},' + _SAMPLE + "]}",
            "OccurenceConstraintViolation transactionId: missing",
            "FormationViolation x: unknown field"),
)  # fmt: skip


async def test_of_several_faults_the_error_names_one_that_is_never_forgiven(
    station: PlayedStation, central: CentralSystem
) -> None:
    for several in SEVERAL:
        frame = f'[2,"x","{several.action}",{several.payload}]'
        answer = await station.send_frame("x", frame)
        assert answer[0] == 4, several
        assert f"{answer[2]} {answer[3]}".startswith(several.told), several
    # What is forgiven counts where the call is taken.
    await station.call("BootNotification", {**_BOOT, "iccid": None})
    await central.station(lambda found: found["tolerated"] == {"null_field": 1})


async def test_of_several_faults_a_strict_station_is_told_by_the_order_of_the_codes(
    run: RunState, central: CentralSystem
) -> None:
    await central.create(strict=True)
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        for several in SEVERAL:
            frame = f'[2,"x","{several.action}",{several.payload}]'
            answer = await station.send_frame("x", frame)
            assert answer[0] == 4, several
            assert f"{answer[2]} {answer[3]}".startswith(several.strictly), several


async def test_an_unknown_field_costs_no_session(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    start = {"connectorId": 1, "idTag": id_token, "meterStart": 5, "timestamp": at(60), "x": 1}
    started = await station.call("StartTransaction", start)
    stop = {"transactionId": started["transactionId"], "meterStop": 9, "timestamp": at(), "x": {}}
    await station.call("StopTransaction", stop)
    assert (await central.completed(started["transactionId"]))["energy_wh"] == 4
    await central.station(lambda found: found["tolerated"] == {"unknown_field": 2})


@pytest.mark.parametrize(
    "frame", ["", "hello", "[]", "{}", '[9,"x",{}]', '[2,4,"Heartbeat",{}]', '[3,"nobodys",{}]']
)
async def test_what_can_not_be_answered_is_ignored_and_the_connection_is_kept(
    station: PlayedStation, frame: str
) -> None:
    await station.socket.send(frame)
    assert (await station.call("Heartbeat", {})).keys() == {"currentTime"}


async def test_a_message_of_a_mebibyte_is_taken_and_of_more_closes_with_1009(
    run: RunState, station: PlayedStation, central: CentralSystem
) -> None:
    def transfer(size: int) -> str:
        frame = json.dumps([2, "x", "DataTransfer", {"vendorId": "V", "data": ""}])
        return frame.replace('"data": ""', f'"data": "{"d" * (size - len(frame))}"')

    answer = await station.send_frame("x", transfer(1024 * 1024))
    assert answer == [3, "x", {"status": "UnknownVendorId"}]
    await station.socket.send(transfer(1024 * 1024 + 1))
    async with asyncio.timeout(20):
        await station.socket.wait_closed()
    assert station.socket.close_code == 1009
    async with connected(run.ocpp_url, central.station_id) as again:
        await again.status(1, "Available")


async def test_mutated_frames_park_nothing_and_harm_no_other_station(
    run: RunState, central: CentralSystem, station: PlayedStation, id_token: str
) -> None:
    """What the gateway lets through, every service can take."""
    transaction_id = (await station.start(id_token))["transactionId"]
    mutator = FrameMutator(20261121)
    wild = CentralSystem(central.operator, f"{central.station_id}-wild")
    url = f"{run.gateways[0].ocpp_url}/{wild.station_id}"
    async with admitted(url) as socket:
        await socket.send(
            '[2,"b","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
        )
        await socket.recv()
        for number in range(_MUTATED):
            frame = mutator.call(f"m{number}")
            await socket.send(frame)
            if number % _UNDER_WAY == 0:
                # With its answer there is room again for calls under way.
                await _answer(socket, f"h{number}", "Heartbeat", {})
        # Behind everything, for each service: when these are stored, it has taken the others.
        sane = {"connectorId": 77, "errorCode": "NoError", "status": "Available"}
        assert await _answer(socket, "status", "StatusNotification", sane) == {}
        start = {"connectorId": 77, "idTag": id_token, "meterStart": 0, "timestamp": at(60)}
        started = await _answer(socket, "start", "StartTransaction", start)
        stop = {"transactionId": started["transactionId"], "meterStop": 7, "timestamp": at()}
        assert "status" not in await _answer(socket, "stop", "StopTransaction", stop)
    await wild.connector(77, "Available")
    assert (await wild.completed(started["transactionId"]))["meter_stop"] == 7
    await station.meter(transaction_id, 1200)
    await station.stop(transaction_id)
    assert (await central.completed(transaction_id))["energy_wh"] == 500
    await wild.station(lambda found: not found["online"])
    await wild.nothing_is_parked()
    assert (await wild.station())["tolerated"]


async def _answer(
    socket: websockets.ClientConnection, message_id: str, action: str, payload: Payload
) -> Payload:
    """Send a call and read until its answer, past those to everything before it."""
    await socket.send(json.dumps([2, message_id, action, payload]))
    async with asyncio.timeout(30):
        async for text in socket:
            match json.loads(text):
                case [3, str(answered), dict(answer)] if answered == message_id:
                    return answer
    raise AssertionError("the connection was closed")
