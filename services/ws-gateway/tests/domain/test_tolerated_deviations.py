"""One test for each deviation of real stations that the pure core forgives, by its number.

The frames are as stations sent them, with identities and tokens replaced.
"""

import base64
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from csms_shared.ocpp.credentials import credential_proofs
from csms_shared.ocpp.versions import OCPP16
from ws_gateway.domain.basic_auth import presented_password
from ws_gateway.domain.connection import StationConnection
from ws_gateway.domain.effects import (
    Close,
    Dispatch,
    Effect,
    FrameUnusable,
    Instant,
    Ping,
    Send,
    Tolerated,
)
from ws_gateway.domain.identity import station_id_from_path
from ws_gateway.domain.subprotocol import Subprotocol, negotiate

T0 = Instant(1000.0, 1_795_226_400_000)


def later(seconds: float) -> Instant:
    return Instant(T0.monotonic + seconds, T0.wall_ms + int(seconds * 1000))


def accepted_station() -> StationConnection:
    return StationConnection(OCPP16, 3, "accepted", T0, booted=True)


@dataclass
class Forgiven:
    """A call that goes on to its service, and what was forgiven of it."""

    action: str
    payload: dict[str, Any]
    tolerated: tuple[str, ...]


def dispatched(frame: str | bytes) -> Forgiven:
    effects = accepted_station().receive(frame, T0)
    calls = [effect.call for effect in effects if isinstance(effect, Dispatch)]
    assert len(calls) == 1, effects
    return Forgiven(calls[0].action, calls[0].payload, tolerated(effects))


def tolerated(effects: list[Effect]) -> tuple[str, ...]:
    return tuple(
        name for effect in effects if isinstance(effect, Tolerated) for name in effect.names
    )


def sent(effects: list[Effect]) -> list[Any]:
    return [orjson.loads(effect.text) for effect in effects if isinstance(effect, Send)]


def test_trap_1_a_station_that_offers_no_subprotocol_speaks_ocpp_16() -> None:
    assert negotiate([]) == Subprotocol(OCPP16, None)
    assert negotiate([""]) == Subprotocol(OCPP16, None)


def test_trap_3_the_first_supported_subprotocol_in_the_stations_order_is_chosen() -> None:
    assert negotiate(["ocpp1.6, ocpp1.5"]) == Subprotocol(OCPP16, "ocpp1.6")
    assert negotiate(["ocpp2.7,ocpp1.6"]) == Subprotocol(OCPP16, "ocpp1.6")
    assert negotiate(["ocpp1.5", "ocpp1.6"]) == Subprotocol(OCPP16, "ocpp1.6")
    assert negotiate(["ocpp1.5, mqtt"]) is None


@pytest.mark.parametrize(
    ("path", "station_id"),
    [
        ("/ocpp/CP001", "CP001"),
        ("/ocpp/RDAM%20123", "RDAM 123"),
        ("/ocpp/ESC%2F1%20x", "ESC/1 x"),
        ("/ocpp/DE*ABC*E%C3%A4-1_2", "DE*ABC*Eä-1_2"),
        ("/ocpp/CP001/", "CP001"),
        ("/ocpp/ws://10.0.0.1:8887/CP001", "CP001"),
        ("/ocpp/100%25", "100%"),
        ("/ocpp/CP%252F1", "CP%2F1"),
        ("/ocpp/CP001?version=1", "CP001"),
    ],
)
def test_trap_4_the_last_segment_is_decoded_once(path: str, station_id: str) -> None:
    assert station_id_from_path(path) == station_id


@pytest.mark.parametrize("user_name", ["AL1000", "al1000", ""])
def test_trap_6_a_key_is_accepted_as_hex_text_and_as_decoded_bytes_under_any_user_name(
    user_name: str,
) -> None:
    key = "00013A030405060708FFFFFFFCCCCCCCCCCCCCCC"
    stored = set(credential_proofs(b"pepper", "AL1000", key.encode()))
    for password in (key.encode(), key.lower().encode(), bytes.fromhex(key)):
        token = base64.b64encode(user_name.encode() + b":" + password).decode()
        presented = presented_password(f"Basic {token}", "AL1000")
        assert presented is not None
        assert stored & set(credential_proofs(b"pepper", "AL1000", presented))


def test_trap_7_the_newest_connection_wins_and_the_older_one_closes() -> None:
    station = accepted_station()
    assert station.superseded(3, T0) == []
    assert station.superseded(2, T0) == []
    assert station.superseded(4, T0) == [Close(1000, "superseded")]
    assert station.receive('[2,"1","Heartbeat",{}]', T0) == []


def test_trap_8_a_station_that_never_pongs_lives_as_long_as_it_sends_frames() -> None:
    station = accepted_station()
    for minute in range(1, 20):
        now = later(minute * 170)
        effects = station.tick(now)
        assert not any(isinstance(effect, Close) for effect in effects)
        assert sent(station.receive(f'[2,"{minute}","Heartbeat",{{}}]', now))


def test_trap_8_three_silent_intervals_are_the_end() -> None:
    station = accepted_station()
    assert station.tick(later(59)) == []
    assert station.tick(later(60)) == [Ping()]
    assert station.tick(later(61)) == []
    assert station.tick(later(120)) == [Ping()]
    assert station.tick(later(180)) == [Close(1001, "silent")]


def test_trap_10_a_station_that_was_accepted_before_needs_no_boot_after_a_reconnect() -> None:
    call = dispatched(
        '[2,"1000012","StopTransaction",{"idTag":"04E5D2A9","meterStop":120400,'
        '"timestamp":"2026-11-21T02:00:00Z","transactionId":81,"reason":"Local"}]'
    )
    assert call.action == "StopTransaction"


@pytest.mark.parametrize(
    "frame",
    [
        '[2,"1","DataTransfer",{"vendorId":"EN+","messageId":"GetMaxCurrent"}]',
        '[2,"2","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Available"}]',
    ],
)
def test_trap_11_calls_before_the_first_boot_are_served(frame: str) -> None:
    station = StationConnection(OCPP16, 1, "pending", T0)
    effects = station.receive(frame, T0)
    assert isinstance(effects[-1], Dispatch)
    assert tolerated(effects) == ("call_before_boot",)


def test_trap_11_a_heartbeat_before_the_first_boot_is_answered() -> None:
    station = StationConnection(OCPP16, 1, "pending", T0)
    effects = station.receive('[2,"1","Heartbeat",{}]', T0)
    assert sent(effects)[0][0] == 3
    assert tolerated(effects) == ("call_before_boot",)


def test_trap_12_an_empty_vendor_does_not_prevent_a_boot() -> None:
    call = dispatched(
        '[2,"1","BootNotification",{"chargePointVendor":"","chargePointModel":"SUN2000"}]'
    )
    assert call.tolerated == ("empty_vendor",)


def test_trap_12_overlong_metadata_is_cut() -> None:
    call = dispatched(
        '[2,"1","BootNotification",{"chargePointVendor":"Schneider Electric Industries",'
        '"chargePointModel":"MONOBLOCK","chargePointSerialNumber":"3N200540608A1B2C3D4E5F6071829304"}]'
    )
    assert call.payload["chargePointVendor"] == "Schneider Electric I"
    assert call.payload["chargePointSerialNumber"] == "3N200540608A1B2C3D4E5F607"
    assert call.tolerated == ("truncated_text",)


def test_trap_12_optional_metadata_of_a_wrong_type_does_not_prevent_a_boot() -> None:
    call = dispatched(
        '[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M",'
        '"iccid":null,"firmwareVersion":1.25}]'
    )
    assert call.payload == {
        "chargePointVendor": "V",
        "chargePointModel": "M",
        "firmwareVersion": "1.25",
    }
    assert call.tolerated == ("number_for_text", "null_field")


def test_trap_12_required_metadata_of_a_wrong_type_does() -> None:
    effects = accepted_station().receive(
        '[2,"1","BootNotification",{"chargePointVendor":null,"chargePointModel":"M"}]', T0
    )
    assert sent(effects)[0][:3] == [4, "1", "TypeConstraintViolation"]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T02:00:00",
        "2026-11-21T05:00:00+03",
        "2026-11-21 02:00:00",
        "2026-11-21T02:00:00.12",
        "1970-01-01 00:00:13",
    ],
)
def test_trap_13_times_without_a_zone_or_with_half_of_one_go_on_as_they_were_sent(
    text: str,
) -> None:
    call = dispatched(
        '[2,"1","StartTransaction",{"connectorId":1,"idTag":"04E5D2A9","meterStart":0,'
        f'"timestamp":"{text}"}}]'
    )
    assert call.payload["timestamp"] == text
    assert call.tolerated == ("time_format",)


def test_trap_13_an_unreadable_time_does_not_lose_a_session() -> None:
    call = dispatched(
        '[2,"1","StopTransaction",{"meterStop":1,"timestamp":"0000-00-00T00:00:00Z",'
        '"transactionId":5}]'
    )
    assert call.payload["timestamp"] == "0000-00-00T00:00:00Z"
    assert call.tolerated == ("unreadable_time",)


def test_trap_13_an_unreadable_time_does_not_lose_a_status() -> None:
    call = dispatched(
        '[2,"1","StatusNotification",{"connectorId":1,"errorCode":"NoError",'
        '"status":"Available","timestamp":""}]'
    )
    assert call.payload["timestamp"] == ""
    assert call.tolerated == ("unreadable_time",)


def test_trap_14_our_own_times_have_milliseconds_and_z() -> None:
    assert sent(accepted_station().receive('[2,"1","Heartbeat",{}]', T0)) == [
        [3, "1", {"currentTime": "2026-11-21T02:00:00.000Z"}]
    ]


def test_trap_15_numbers_for_sample_values_become_text() -> None:
    call = dispatched(
        '[2,"39","MeterValues",{"connectorId":1,"transactionId":17,"meterValue":['
        '{"timestamp":"2026-11-21T02:00:00Z","sampledValue":[{"value":230.1,"unit":"V",'
        '"measurand":"Voltage"},{"value":14302}]}]}]'
    )
    samples = call.payload["meterValue"][0]["sampledValue"]
    assert [sample["value"] for sample in samples] == ["230.1", "14302"]
    assert call.tolerated == ("number_for_text",)


def test_trap_15_numbers_in_transaction_data_become_text() -> None:
    call = dispatched(
        '[2,"40","StopTransaction",{"meterStop":14302,"timestamp":"2026-11-21T02:00:00Z",'
        '"transactionId":17,"transactionData":[{"timestamp":"2026-11-21T02:00:00Z",'
        '"sampledValue":[{"value":14302,"context":"Transaction.End"}]}]}]'
    )
    assert call.payload["transactionData"][0]["sampledValue"][0]["value"] == "14302"


def test_trap_16_a_meter_value_that_is_no_array_is_wrapped() -> None:
    call = dispatched(
        '[2,"1","MeterValues",{"connectorId":1,"meterValue":{"timestamp":"2026-11-21T02:00:00Z",'
        '"sampledValue":{"value":"1"}}}]'
    )
    assert call.payload["meterValue"] == [
        {"timestamp": "2026-11-21T02:00:00Z", "sampledValue": [{"value": "1"}]}
    ]
    assert call.tolerated == ("object_for_array",)


def test_trap_16_empty_samples_are_dropped_and_answered() -> None:
    call = dispatched(
        '[2,"1","MeterValues",{"connectorId":1,"transactionId":3,"meterValue":['
        '{"timestamp":"2026-11-21T02:00:00Z","sampledValue":[]}]}]'
    )
    assert call.payload["meterValue"] == []
    assert call.tolerated == ("empty_samples",)


@pytest.mark.parametrize(
    "sample",
    [
        {"value": "50", "measurand": "Frequency", "unit": "Hz"},
        {"value": "50", "measurand": "Request.Energy"},
        {"value": "50", "context": "Transaction.Update"},
    ],
)
def test_trap_17_unknown_measurands_units_and_contexts_are_kept_as_sent(
    sample: dict[str, str],
) -> None:
    meter_value = {"timestamp": "2026-11-21T02:00:00Z", "sampledValue": [dict(sample)]}
    frame = [2, "1", "MeterValues", {"connectorId": 1, "meterValue": [meter_value]}]
    call = dispatched(orjson.dumps(frame))
    assert call.payload["meterValue"][0]["sampledValue"] == [sample]
    assert call.tolerated == ("unknown_enum",)


def test_trap_17_unknown_and_empty_fields_of_meter_values_are_dropped() -> None:
    call = dispatched(
        '[2,"1","MeterValues",{"connectorId":1,"transactionId":null,"meterValue":['
        '{"timestamp":"2026-11-21T02:00:00Z","sampledValue":['
        '{"value":"1","phase":null,"signedMeterData":"x"}]}]}]'
    )
    assert call.payload == {
        "connectorId": 1,
        "meterValue": [{"timestamp": "2026-11-21T02:00:00Z", "sampledValue": [{"value": "1"}]}],
    }
    assert call.tolerated == ("null_field", "unknown_field")


def test_trap_17_wrong_case_is_mended() -> None:
    call = dispatched(
        '[2,"1","StatusNotification",{"connectorId":1,"errorCode":"noError","status":"AVAILABLE"}]'
    )
    assert call.payload == {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    assert call.tolerated == ("enum_case",)


@pytest.mark.parametrize("vendor_error_code", [{}, {"vendorErrorCode": "E42"}])
def test_trap_17_an_unknown_error_code_is_kept_as_sent_beside_the_vendors(
    vendor_error_code: dict[str, str],
) -> None:
    status = {"connectorId": 1, "errorCode": "Error", "status": "Faulted", **vendor_error_code}
    call = dispatched(orjson.dumps([2, "1", "StatusNotification", status]))
    assert call.payload == status
    assert call.tolerated == ("unknown_enum",)


def test_trap_17_an_unknown_stop_reason_is_kept_as_sent() -> None:
    call = dispatched(
        '[2,"1","StopTransaction",{"meterStop":1,"timestamp":"2026-11-21T02:00:00Z",'
        '"transactionId":5,"reason":"EVFull"}]'
    )
    assert call.payload["reason"] == "EVFull"
    assert call.tolerated == ("unknown_enum",)


def test_trap_17_null_for_an_optional_enum_is_left_out() -> None:
    call = dispatched(
        '[2,"1","StopTransaction",{"meterStop":1,"timestamp":"2026-11-21T02:00:00Z",'
        '"transactionId":5,"reason":null,"idTag":null}]'
    )
    assert call.payload.keys() == {"meterStop", "timestamp", "transactionId"}
    assert call.tolerated == ("null_field",)


@pytest.mark.parametrize(
    "frame",
    [
        '[2,"77","StopTransaction",{"transactionId":,"meterStop":100}]',
        '[2,"77","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"2026-1',
        '\x00 [2,"77","MeterValues",{"connectorId":1,',
    ],
)
def test_trap_18_broken_json_is_answered_by_the_recovered_id_and_the_socket_stays(
    frame: str,
) -> None:
    station = accepted_station()
    effects = station.receive(frame, T0)
    assert [answer[:3] for answer in sent(effects)] == [[4, "77", "FormationViolation"]]
    assert any(isinstance(effect, FrameUnusable) for effect in effects)
    assert sent(station.receive('[2,"78","Heartbeat",{}]', T0))[0][:2] == [3, "78"]


@pytest.mark.parametrize("frame", [b"\x00\xff\xfe", b"[2,", b"", b"hello", b'[7,"1"]', b"{}"])
def test_trap_18_what_has_no_readable_id_is_logged_and_the_socket_stays(frame: bytes) -> None:
    station = accepted_station()
    effects = station.receive(frame, T0)
    assert [type(effect) for effect in effects] == [FrameUnusable]
    assert sent(station.receive('[2,"78","Heartbeat",{}]', T0))


def test_trap_18_nul_blanks_and_invalid_utf8_are_mended() -> None:
    call = dispatched(
        b'\x00\x00 [2,"1","DataTransfer",{"vendorId":"caf\xe9","data":"a\\u0000"}]\x00]'
    )
    assert call.payload == {"vendorId": "caf\ufffd", "data": "a"}
    assert call.tolerated == ("mended_frame",)


def test_trap_19_data_that_is_no_text_becomes_json_text() -> None:
    call = dispatched(
        '[2,"1","DataTransfer",{"vendorId":"Growatt","messageId":"frozenrecord",'
        '"data":{"chargetype":0,"connectorId":1}}]'
    )
    assert call.payload["data"] == '{"chargetype":0,"connectorId":1}'
    assert call.tolerated == ("data_not_text",)


@pytest.mark.parametrize(("id_tag", "tolerated"), [("", "empty_id_tag"), ("A" * 21, "long_id_tag")])
def test_trap_20_empty_and_overlong_id_tags_are_accepted_in_start_and_stop(
    id_tag: str, tolerated: str
) -> None:
    start = dispatched(
        f'[2,"1","StartTransaction",{{"connectorId":1,"idTag":"{id_tag}","meterStart":0,'
        '"timestamp":"2026-11-21T02:00:00Z"}]'
    )
    stop = dispatched(
        f'[2,"1","StopTransaction",{{"transactionId":1,"idTag":"{id_tag}","meterStop":0,'
        '"timestamp":"2026-11-21T02:00:00Z"}]'
    )
    assert start.payload["idTag"] == stop.payload["idTag"] == id_tag
    assert start.tolerated == stop.tolerated == (tolerated,)


@pytest.mark.parametrize("transaction_id", [0, -1])
def test_trap_21_transaction_ids_of_stations_that_got_none_are_passed_on(
    transaction_id: int,
) -> None:
    stop = dispatched(
        f'[2,"1","StopTransaction",{{"transactionId":{transaction_id},"meterStop":0,'
        '"timestamp":"2026-11-21T02:00:00Z"}]'
    )
    values = dispatched(
        f'[2,"1","MeterValues",{{"connectorId":1,"transactionId":{transaction_id},"meterValue":['
        '{"timestamp":"2026-11-21T02:00:00Z","sampledValue":[{"value":"1"}]}]}]'
    )
    assert stop.payload["transactionId"] == values.payload["transactionId"] == transaction_id
    assert stop.tolerated == values.tolerated == ("no_transaction_id",)


def test_traps_22_to_24_unknown_and_repeated_transactions_are_left_to_the_session_service() -> None:
    frame = (
        '[2,"1000001","StopTransaction",{"transactionId":2147483647,"meterStop":0,'
        '"timestamp":"2026-11-21T02:00:00Z"}]'
    )
    station = accepted_station()
    for seq in (1, 2):
        (effect,) = station.receive(frame, T0)
        assert isinstance(effect, Dispatch)
        assert effect.call.seq == seq
        assert sent(station.answer(seq, {}, T0)) == [[3, "1000001", {}]]


def test_trap_25_reused_message_ids_are_served_and_long_ones_echoed() -> None:
    station = accepted_station()
    long_id = "9a8b7c6d-0000-4000-8000-000000000001-retry-2"
    for message_id in ("1", "1", long_id):
        frame = f'[2,"{message_id}","Authorize",{{"idTag":"04E5D2A9"}}]'
        effects = station.receive(frame, T0)
        (dispatch,) = [effect for effect in effects if isinstance(effect, Dispatch)]
        answer = {"idTagInfo": {"status": "Accepted"}}
        assert sent(station.answer(dispatch.call.seq, answer, T0)) == [[3, message_id, answer]]
    assert tolerated(effects) == ("long_message_id",)


def test_trap_26_several_calls_in_flight_are_handled_one_by_one_in_order() -> None:
    station = accepted_station()
    first = station.receive('[2,"a","Authorize",{"idTag":"1"}]', T0)
    assert isinstance(first[0], Dispatch)
    assert station.receive('[2,"b","Heartbeat",{}]', T0) == []
    assert station.receive('[2,"c","Authorize",{"idTag":"2"}]', T0) == []
    effects = station.answer(1, {"idTagInfo": {"status": "Accepted"}}, T0)
    assert [answer[:2] for answer in sent(effects)] == [[3, "a"], [3, "b"]]
    assert isinstance(effects[-1], Dispatch)
    assert effects[-1].call.message_id == "c"
    assert tolerated(effects) == ("calls_in_flight", "calls_in_flight")
