"""What real stations put into their calls, each deviation by its number.

The frames are as stations sent them, with identities and tokens replaced.
"""

import orjson
import pytest
from gateway_fakes.pure_core import T0, accepted_station, dispatched, sent


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


def test_trap_19_data_that_is_no_text_becomes_json_text() -> None:
    call = dispatched(
        '[2,"1","DataTransfer",{"vendorId":"Growatt","messageId":"frozenrecord",'
        '"data":{"chargetype":0,"connectorId":1}}]'
    )
    assert call.payload["data"] == '{"chargetype":0,"connectorId":1}'
    assert call.tolerated == ("data_not_text",)


def test_data_that_is_null_is_no_data() -> None:
    call = dispatched('[2,"1","DataTransfer",{"vendorId":"V","data":null}]')
    assert call.payload == {"vendorId": "V"}
    assert call.tolerated == ("null_field",)


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
