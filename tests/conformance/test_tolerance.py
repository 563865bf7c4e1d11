"""What real stations get wrong, over a real connection: answered, counted and shown on the station;
refused to a strict one (docs/tolerance.md has each trap by its number)."""

import asyncio
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from csms_local.run_state import RunState
from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Payload, PlayedStation, at, connected

AT = "2026-11-21T02:00:00Z"
OUR_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def _values(*samples: object, timestamp: str = AT) -> Payload:
    value = {"timestamp": timestamp, "sampledValue": list(samples)}
    return {"connectorId": 1, "meterValue": [value]}


@dataclass(frozen=True)
class Deviant:
    """A call as such a station sends it; `strict` is the code that a strict station gets."""

    trap: int
    action: str
    payload: Payload
    tolerated: tuple[str, ...]
    strict: str | None


BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
STOP = {"transactionId": 2_000_000_000, "meterStop": 1, "timestamp": AT}
DEVIANTS = (
    Deviant(12, "BootNotification", {**BOOT, "chargePointVendor": ""}, ("empty_vendor",), None),
    Deviant(12, "BootNotification", {**BOOT, "chargePointModel": "M" * 32}, ("truncated_text",),
            "PropertyConstraintViolation"),
    Deviant(12, "BootNotification", {**BOOT, "firmwareVersion": 1.2}, ("number_for_text",),
            "TypeConstraintViolation"),
    Deviant(12, "BootNotification", {**BOOT, "iccid": None}, ("null_field",),
            "TypeConstraintViolation"),
    Deviant(13, "StatusNotification", {**STATUS, "timestamp": "2026-11-21T02:00:00"},
            ("time_format",), "PropertyConstraintViolation"),
    Deviant(13, "StopTransaction", {**STOP, "timestamp": "2026-11-21T05:00:00+03"},
            ("time_format",), "PropertyConstraintViolation"),
    Deviant(13, "StatusNotification", {**STATUS, "timestamp": ""}, ("unreadable_time",),
            "PropertyConstraintViolation"),
    Deviant(15, "MeterValues", _values({"value": 230.1}), ("number_for_text",),
            "TypeConstraintViolation"),
    Deviant(16, "MeterValues",
            {"connectorId": 1, "meterValue": {"timestamp": AT, "sampledValue": [{"value": "1"}]}},
            ("object_for_array",), "TypeConstraintViolation"),
    Deviant(16, "MeterValues", _values(), ("empty_samples",), "OccurenceConstraintViolation"),
    Deviant(17, "MeterValues", _values({"value": "50", "unit": "Hz"}), ("unknown_enum",),
            "PropertyConstraintViolation"),
    Deviant(17, "MeterValues", _values({"value": "1", "measurand": "Request.Energy"}),
            ("unknown_enum",), "PropertyConstraintViolation"),
    Deviant(17, "MeterValues", _values({"value": "1", "signedMeterData": "x"}),
            ("unknown_field",), "FormationViolation"),
    Deviant(17, "StatusNotification", {**STATUS, "errorCode": "Error", "status": "Faulted"},
            ("unknown_enum",), "PropertyConstraintViolation"),
    Deviant(17, "StatusNotification", {**STATUS, "status": "available"}, ("enum_case",),
            "PropertyConstraintViolation"),
    Deviant(19, "DataTransfer", {"vendorId": "Growatt", "data": {"chargetype": 0}},
            ("data_not_text",), "TypeConstraintViolation"),
    Deviant(20, "StopTransaction", {**STOP, "idTag": ""}, ("empty_id_tag",), None),
    Deviant(20, "StopTransaction", {**STOP, "idTag": "A" * 21}, ("long_id_tag",),
            "PropertyConstraintViolation"),
    Deviant(21, "StopTransaction", {**STOP, "transactionId": -1}, ("no_transaction_id",), None),
    Deviant(21, "MeterValues", {**_values({"value": "1"}), "transactionId": 0},
            ("no_transaction_id",), None),
)  # fmt: skip


async def test_every_deviation_is_answered_counted_and_shown_on_the_station(
    station: PlayedStation, central: CentralSystem
) -> None:
    expected: dict[str, int] = {}
    for deviant in DEVIANTS:
        frame = await station.send(deviant.action, deviant.payload)
        assert frame[0] == 3, (deviant, frame)
        for name in deviant.tolerated:
            expected[name] = expected.get(name, 0) + 1
    await central.station(lambda found: found["tolerated"] == expected)
    await central.nothing_is_parked()


async def test_a_strict_station_is_told_what_is_wrong_until_it_is_strict_no_more(
    run: RunState, central: CentralSystem
) -> None:
    await central.create(strict=True)
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        for deviant in DEVIANTS:
            frame = await station.send(deviant.action, deviant.payload)
            assert (frame[2] if frame[0] == 4 else None) == deviant.strict, (deviant, frame)
        assert (await central.station())["tolerated"] == {}
        await central.change(strict=False)
        number = {**BOOT, "firmwareVersion": 1.2}
        assert (await station.call("BootNotification", number))["status"] == "Accepted"
        await central.station(lambda found: found["tolerated"] == {"number_for_text": 1})


async def test_trap_1_a_station_that_names_no_subprotocol_is_served_and_that_is_shown(
    run: RunState, central: CentralSystem
) -> None:
    async with connected(run.ocpp_url, central.station_id, subprotocols=()) as station:
        assert station.socket.subprotocol is None
        await station.boot()
        await central.station(lambda found: found["tolerated"] == {"missing_subprotocol": 1})


async def test_trap_3_what_is_spoken_is_agreed_anew_for_each_connection(
    run: RunState, central: CentralSystem
) -> None:
    for offered, spoken in (
        (("ocpp1.5", "ocpp1.6"), "ocpp1.6"),
        ((), None),
        (("ocpp1.6", "ocpp9.9"), "ocpp1.6"),
    ):
        async with connected(run.ocpp_url, central.station_id, subprotocols=offered) as station:
            assert station.socket.subprotocol == spoken
            assert (await station.boot())["status"] == "Accepted"


async def test_trap_11_calls_before_the_first_boot_are_answered_and_counted(
    run: RunState, central: CentralSystem
) -> None:
    async with connected(run.ocpp_url, central.station_id) as station:
        hello = {"vendorId": "EN+", "messageId": "Hello"}
        assert await station.call("DataTransfer", hello) == {"status": "UnknownVendorId"}
        await station.call("Heartbeat", {})
        await station.boot()
        await central.station(lambda found: found["tolerated"].get("call_before_boot") == 2)


@pytest.mark.parametrize(
    ("timestamp", "flag"),
    [
        ("1970-01-01T00:00:13Z", "clock_not_set"),
        ("2099-01-01T00:00:00Z", "clock_ahead"),
        ("soon", "unreadable_time"),
    ],
)
async def test_trap_13_a_session_of_a_wrong_clock_is_kept_and_flagged(
    station: PlayedStation, central: CentralSystem, id_token: str, timestamp: str, flag: str
) -> None:
    start = {"connectorId": 1, "idTag": id_token, "meterStart": 0, "timestamp": timestamp}
    started = await station.call("StartTransaction", start)
    assert started["idTagInfo"]["status"] == "Accepted"
    (kept,) = await central.transactions()
    assert kept["transaction_id"] == started["transactionId"]
    assert kept["flags"] == [flag]


async def test_trap_14_our_own_times_have_milliseconds_and_z(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    expires = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    change = {"expires_at": expires}
    response = await central.operator.http.patch(f"/id-tokens/{id_token}", json=change)
    assert response.status_code == 200, response.text
    told = [
        (await station.boot())["currentTime"],
        (await station.call("Heartbeat", {}))["currentTime"],
        (await station.authorize(id_token))["expiryDate"],
        (await station.start(id_token))["idTagInfo"]["expiryDate"],
    ]
    assert all(OUR_TIME.fullmatch(text) for text in told), told


async def test_trap_18_broken_json_is_answered_and_the_session_goes_on(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    transaction_id = (await station.start(id_token))["transactionId"]
    broken = '[2,"x","StopTransaction",{"transactionId":,"meterStop":1500}]'
    assert (await station.send_frame("x", broken))[2] == "FormationViolation"
    stop = json.dumps([2, "y", "StopTransaction", {**STOP, "transactionId": transaction_id}])
    assert await station.send_frame("y", b"\x00 " + stop.encode() + b"\x00\xff") == [3, "y", {}]
    await central.completed(transaction_id)
    await central.station(lambda found: found["tolerated"] == {"mended_frame": 1})


async def test_trap_20_blank_and_overlong_tokens_have_sessions(
    station: PlayedStation, central: CentralSystem
) -> None:
    # Accepted where the operator says so (CSMS_FREE_VEND); a session it is in any case.
    blank = await station.start("", connector_id=1)
    assert blank["idTagInfo"]["status"] == "Invalid"
    await station.stop(blank["transactionId"], id_token="")
    long = await station.start("A" * 21, connector_id=2)
    assert long["idTagInfo"]["status"] == "Invalid"
    await station.stop(long["transactionId"], id_token="A" * 21)
    assert (await central.completed(blank["transactionId"]))["id_token"] == ""
    assert (await central.completed(long["transactionId"]))["id_token"] == "A" * 21


@pytest.mark.parametrize("wire_id", [-1, 0, 2_000_000_001])
async def test_traps_21_and_22_a_stop_without_a_usable_id_ends_the_open_transaction(
    station: PlayedStation, central: CentralSystem, id_token: str, wire_id: int
) -> None:
    transaction_id = (await station.start(id_token, seconds_ago=60))["transactionId"]
    await station.stop(wire_id, id_token=id_token, meter=1200)
    kept = await central.completed(transaction_id)
    assert (kept["energy_wh"], kept["flags"]) == (200, ["matched_without_id"])


async def test_traps_23_and_24_what_is_sent_again_under_new_ids_is_one_session(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    start = {"connectorId": 1, "idTag": id_token, "meterStart": 5, "timestamp": at(60)}
    answers = [await station.call("StartTransaction", start) for _ in range(3)]
    assert answers == [answers[0]] * 3
    stop = {"transactionId": answers[0]["transactionId"], "meterStop": 9, "timestamp": at()}
    for _ in range(3):
        await station.call("StopTransaction", stop)
    await central.completed(stop["transactionId"])
    assert len(await central.transactions()) == 1
    assert await central.quarantine() == []


async def test_traps_25_and_26_many_calls_at_once_with_any_ids_are_answered_in_order(
    run: RunState, station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    ids = [f"{'again-' * 8}{number}" for number in range(20)]
    sending = []
    for message_id in ids:
        frame = json.dumps([2, message_id, "Authorize", {"idTag": id_token}])
        sending.append(asyncio.create_task(station.send_frame(message_id, frame)))
        await asyncio.sleep(0)
    answers = [await answer for answer in sending]
    assert [answer[1] for answer in answers] == ids
    assert all(answer[2]["idTagInfo"]["status"] == "Accepted" for answer in answers)
    await central.station(lambda found: found["tolerated"].get("long_message_id") == len(ids))
    async with connected(run.ocpp_url, central.station_id) as again:
        frame = json.dumps([2, ids[0], "Heartbeat", {}])
        assert (await again.send_frame(ids[0], frame))[0] == 3


async def test_trap_28_nothing_is_pushed_at_a_boot(
    station: PlayedStation, central: CentralSystem
) -> None:
    for _ in range(3):
        await station.boot()
        await station.status(0, "Available")
    await central.connector(0, "Available")
    assert station.nothing_asked()


async def test_trap_29_an_answer_that_breaks_its_schema_is_kept_and_counted(
    station: PlayedStation, central: CentralSystem
) -> None:
    command = await central.command(station, "ClearCache", {}, {"status": "Perhaps"})
    assert (command["status"], command["accepted"]) == ("completed", False)
    await central.station(lambda found: found["tolerated"] == {"invalid_response": 1})


async def test_trap_30_a_backlog_of_months_in_one_frame_is_stored(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    transaction_id = (await station.start(id_token, seconds_ago=90_000))["transactionId"]
    values = [
        {"timestamp": at(80_000 - 60 * n), "sampledValue": [{"value": str(1000 + n)}]}
        for n in range(1_000)
    ]
    payload = {"connectorId": 1, "transactionId": transaction_id, "meterValue": values}
    assert await station.call("MeterValues", payload) == {}
    await station.stop(transaction_id, meter=2000)
    await central.completed(transaction_id)
    stored = await central.operator.items(f"/transactions/{transaction_id}/meter-values")
    assert len(stored) == len(values)
