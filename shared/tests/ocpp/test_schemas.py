import timeit
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_shared.ocpp.actions import command_actions, station_calls
from csms_shared.ocpp.errors import RpcError, error_code
from csms_shared.ocpp.schema_parts import SchemaPart
from csms_shared.ocpp.schemas import (
    MAX_PROBLEMS,
    TOO_MANY,
    is_valid_request,
    request_problems,
    request_schema,
    validate_request,
    validate_response,
)
from csms_shared.ocpp.versions import OCPP16, OCPP21, OCPP201

START = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2026-11-21T02:00:00Z"}
METER: dict[str, Any] = {
    "connectorId": 1,
    "meterValue": [{"timestamp": "2026-11-21T02:00:00Z", "sampledValue": [{"value": "1"}]}],
}


def profile(limit: float) -> dict[str, Any]:
    return {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            },
        },
    }


@pytest.mark.parametrize("name", list(station_calls(OCPP16)) + list(command_actions(OCPP16)))
def test_every_action_has_both_schemas(name: str) -> None:
    problem = validate_request(OCPP16, name, [])
    assert problem is not None
    assert problem.code == "FormationViolation"
    assert validate_response(OCPP16, name, []) is not None


@pytest.mark.parametrize(
    ("action", "payload", "code", "pointer"),
    [
        ("StartTransaction", {k: v for k, v in START.items() if k != "idTag"},
         "OccurenceConstraintViolation", "/idTag"),
        ("MeterValues", {"connectorId": 1, "meterValue": []},
         "OccurenceConstraintViolation", "/meterValue"),
        ("StartTransaction", START | {"connectorId": "1"},
         "TypeConstraintViolation", "/connectorId"),
        ("StartTransaction", START | {"connectorId": 1.5},
         "TypeConstraintViolation", "/connectorId"),
        ("StartTransaction", START | {"meterStart": 2**63},
         "PropertyConstraintViolation", "/meterStart"),
        ("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Gone"},
         "PropertyConstraintViolation", "/status"),
        ("Authorize", {"idTag": "x" * 21}, "PropertyConstraintViolation", "/idTag"),
        ("StartTransaction", START | {"timestamp": "yesterday"},
         "PropertyConstraintViolation", "/timestamp"),
        ("UpdateFirmware", {"location": "not a uri", "retrieveDate": "2026-11-21T02:00:00Z"},
         "PropertyConstraintViolation", "/location"),
        ("SetChargingProfile", profile(16.35), "PropertyConstraintViolation",
         "/csChargingProfiles/chargingSchedule/chargingSchedulePeriod/0/limit"),
        ("Heartbeat", {"a": 1}, "FormationViolation", "/a"),
        ("Heartbeat", "text", "FormationViolation", ""),
        ("Heartbeat", None, "FormationViolation", ""),
        ("Frobnicate", {}, "NotImplemented", ""),
    ],
)  # fmt: skip
def test_each_kind_of_mistake_has_its_error_code(
    action: str, payload: object, code: str, pointer: str
) -> None:
    problem = validate_request(OCPP16, action, payload)
    assert problem is not None
    assert (problem.code, problem.pointer) == (code, pointer)


@pytest.mark.parametrize("meter", [-(2**63), 2**63 - 1])
def test_every_integer_that_can_be_stored_is_valid(meter: int) -> None:
    assert validate_request(OCPP16, "StartTransaction", START | {"meterStart": meter}) is None


def test_of_several_problems_the_one_about_the_structure_is_answered() -> None:
    payload: dict[str, Any] = {"connectorId": "1", "idTag": "x" * 21, "surprise": 1}
    assert [problem.code for problem in request_problems(OCPP16, "StartTransaction", payload)] == [
        "FormationViolation",
        "OccurenceConstraintViolation",
        "OccurenceConstraintViolation",
        "TypeConstraintViolation",
        "PropertyConstraintViolation",
    ]


def test_a_problem_names_the_field_but_not_its_value() -> None:
    problem = validate_request(
        OCPP16, "ChangeConfiguration", {"key": "AuthorizationKey", "value": "secret" * 100}
    )
    assert problem is not None
    assert problem.description == "value: value is longer than 500 characters"


@pytest.mark.parametrize("unit", ["Celsius", "Celcius"])
def test_both_spellings_of_celsius_are_valid(unit: str) -> None:
    sample = {"timestamp": "2026-11-21T02:00:00Z", "sampledValue": [{"value": "1", "unit": unit}]}
    assert (
        validate_request(OCPP16, "MeterValues", {"connectorId": 1, "meterValue": [sample]}) is None
    )
    stop = {"transactionId": 1, "meterStop": 1, "timestamp": "2026-11-21T02:00:00Z"}
    assert validate_request(OCPP16, "StopTransaction", stop | {"transactionData": [sample]}) is None


@given(st.integers(-1_000_000, 1_000_000))
def test_every_limit_with_one_decimal_is_valid(tenths: int) -> None:
    assert validate_request(OCPP16, "SetChargingProfile", profile(float(f"{tenths}e-1"))) is None


@given(st.integers(-1_000_000, 1_000_000).filter(lambda n: n % 10))
def test_no_limit_with_two_decimals_is_valid(hundredths: int) -> None:
    problem = validate_request(OCPP16, "SetChargingProfile", profile(float(f"{hundredths}e-2")))
    assert problem is not None
    assert problem.code == "PropertyConstraintViolation"


def test_responses_have_their_own_schemas() -> None:
    boot = {"status": "Accepted", "currentTime": "2026-11-21T02:00:00.000Z", "interval": 300}
    assert validate_response(OCPP16, "BootNotification", boot) is None
    problem = validate_response(OCPP16, "BootNotification", boot | {"interval": 1.5})
    assert problem is not None
    assert problem.code == "TypeConstraintViolation"


def test_a_valid_payload_costs_microseconds() -> None:
    validate_request(OCPP16, "MeterValues", METER)
    best = min(
        timeit.repeat(lambda: validate_request(OCPP16, "MeterValues", METER), number=1000, repeat=5)
    )
    assert best / 1000 < 50e-6


def test_error_codes_are_spelled_as_each_version_has_them() -> None:
    assert error_code(OCPP16, RpcError.FORMAT_VIOLATION) == "FormationViolation"
    assert error_code(OCPP201, RpcError.FORMAT_VIOLATION) == "FormatViolation"
    assert (
        error_code(OCPP16, RpcError.OCCURRENCE_CONSTRAINT_VIOLATION)
        == "OccurenceConstraintViolation"
    )
    assert (
        error_code(OCPP21, RpcError.OCCURRENCE_CONSTRAINT_VIOLATION)
        == "OccurrenceConstraintViolation"
    )
    assert error_code(OCPP16, RpcError.SECURITY_ERROR) == "SecurityError"


@pytest.mark.parametrize("levels", [200, 255, 300, 900])
def test_what_is_nested_deeply_is_a_problem_and_no_defect(levels: int) -> None:
    nested: object = "x"
    for _ in range(levels):
        nested = [nested]
    payload = {"vendorId": "v", "data": nested}
    problem = validate_request(OCPP16, "DataTransfer", payload)
    assert problem is not None
    assert request_problems(OCPP16, "DataTransfer", payload)[0] == problem
    assert validate_response(OCPP16, "DataTransfer", {"status": nested}) is not None


MANY = 50_000


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("MeterValues", {"connectorId": 1, "meterValue": [1] * MANY}),
        (
            "StopTransaction",
            {"transactionData": [METER["meterValue"][0] | {"sampledValue": [{}] * MANY}]},
        ),
        ("SendLocalList", {"listVersion": 1, "localAuthorizationList": [{}] * MANY}),
        ("StatusNotification", {str(number): 1 for number in range(MANY)}),
    ],
)
def test_no_more_problems_are_looked_for_than_anybody_reads(
    action: str, payload: dict[str, Any]
) -> None:
    problems = request_problems(OCPP16, action, payload)
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1].keyword == TOO_MANY
    assert validate_request(OCPP16, action, payload) == problems[0]
    assert not is_valid_request(OCPP16, action, payload)


_ITEMS = st.sampled_from(
    [
        {},
        1,
        {"value": 1},
        {"value": "1", "unit": "x", "phase": "y", "more": 1, "most": 2},
        {"value": "1", "unit": "Wh"},
        {"timestamp": "now", "sampledValue": [{"value": None}, 1, {"value": "1"}]},
        {"timestamp": "2026-11-21T02:00:00Z", "sampledValue": []},
        METER["meterValue"],
    ]
)


@given(st.lists(_ITEMS), st.lists(_ITEMS), st.dictionaries(st.text(max_size=3), st.none()))
def test_problems_are_those_of_the_schema_as_a_whole(
    values: list[object], samples: list[object], more: dict[str, None]
) -> None:
    payload = METER | {"meterValue": [{"timestamp": "x", "sampledValue": samples}, *values], **more}
    schema = request_schema(OCPP16, "MeterValues")
    whole = [
        (tuple(error.instance_path), error.kind.name, error.message)
        for error in jsonschema_rs.validator_for(schema, mask="value").iter_errors(payload)
    ]
    parts = [
        (path, error.kind.name, error.message) for path, error in SchemaPart(schema).errors(payload)
    ]
    assert sorted(parts, key=repr) == sorted(whole, key=repr)
    assert SchemaPart(schema).is_valid(payload) is not bool(whole)
