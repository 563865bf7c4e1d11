"""The checks of a charging profile beyond its schema: each with the field that it names."""

import copy
from typing import Any

import pytest

from csms_shared.ocpp.charging_profiles import (
    ProfileLimits,
    profile_limits,
    profile_problems,
)
from csms_shared.ocpp.schemas import validate_request, validate_response
from csms_shared.ocpp.v16 import REMOTE_START_TRANSACTION, SET_CHARGING_PROFILE
from csms_shared.ocpp.versions import OCPP16

PROFILE: dict[str, Any] = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "startSchedule": "2026-03-02T00:00:00Z",
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
    },
}
AT = "/csChargingProfiles"
PLAN = f"{AT}/chargingSchedule"


def request(
    connector_id: int = 1,
    *,
    periods: list[dict[str, Any]] | None = None,
    schedule: dict[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    profile = copy.deepcopy(PROFILE) | changes
    profile["chargingSchedule"] |= schedule or {}
    if periods is not None:
        profile["chargingSchedule"]["chargingSchedulePeriod"] = periods
    payload = {"connectorId": connector_id, "csChargingProfiles": profile}
    assert validate_request(OCPP16, SET_CHARGING_PROFILE, payload) is None
    return payload


def fields(
    payload: dict[str, Any],
    limits: ProfileLimits | None = None,
    action: str = SET_CHARGING_PROFILE,
) -> list[str]:
    return [field for field, _ in profile_problems(action, payload, limits or ProfileLimits())]


@pytest.mark.parametrize(
    "payload",
    [
        request(),
        request(0),
        request(0, chargingProfilePurpose="ChargePointMaxProfile"),
        request(chargingProfilePurpose="TxProfile", transactionId=7),
        request(chargingProfilePurpose="TxProfile", chargingProfileKind="Relative"),
        request(chargingProfileKind="Recurring", recurrencyKind="Weekly"),
        request(periods=[{"startPeriod": 0, "limit": 0}, {"startPeriod": 1, "limit": 8.1}]),
    ],
)
def test_what_the_specification_allows_has_no_problem(payload: dict[str, Any]) -> None:
    assert fields(payload) == []


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (request(-1), "/connectorId"),
        (request(1, chargingProfilePurpose="ChargePointMaxProfile"), "/connectorId"),
        (request(0, chargingProfilePurpose="TxProfile"), "/connectorId"),
        (request(transactionId=7), f"{AT}/transactionId"),
        (request(stackLevel=-1), f"{AT}/stackLevel"),
        (
            request(
                0, chargingProfilePurpose="ChargePointMaxProfile", chargingProfileKind="Relative"
            ),
            f"{AT}/chargingProfileKind",
        ),
        (request(chargingProfileKind="Recurring"), f"{AT}/recurrencyKind"),
        (request(recurrencyKind="Daily"), f"{AT}/recurrencyKind"),
        (request(schedule={"duration": 0}), f"{PLAN}/duration"),
        (request(schedule={"duration": 2**31}), f"{PLAN}/duration"),
        (request(schedule={"startSchedule": "0000-01-01T00:00:00Z"}), f"{PLAN}/startSchedule"),
        (request(validFrom="0000-01-01T00:00:00Z"), f"{AT}/validFrom"),
        (
            request(validFrom="2026-03-02T00:00:00Z", validTo="2026-03-02T01:00:00+01:00"),
            f"{AT}/validTo",
        ),
        (
            request(periods=[{"startPeriod": 0, "limit": 1}, {"startPeriod": 2**31, "limit": 2}]),
            f"{PLAN}/chargingSchedulePeriod/1/startPeriod",
        ),
        (request(schedule={"minChargingRate": -0.1}), f"{PLAN}/minChargingRate"),
        (request(schedule={"minChargingRate": 1e300}), f"{PLAN}/minChargingRate"),
        (request(periods=[]), f"{PLAN}/chargingSchedulePeriod"),
        (
            request(periods=[{"startPeriod": 1, "limit": 1}]),
            f"{PLAN}/chargingSchedulePeriod/0/startPeriod",
        ),
        (
            request(periods=[{"startPeriod": 0, "limit": 1}, {"startPeriod": 0, "limit": 2}]),
            f"{PLAN}/chargingSchedulePeriod/1/startPeriod",
        ),
        (
            request(periods=[{"startPeriod": 0, "limit": -0.1}]),
            f"{PLAN}/chargingSchedulePeriod/0/limit",
        ),
        (
            request(periods=[{"startPeriod": 0, "limit": 1, "numberPhases": 4}]),
            f"{PLAN}/chargingSchedulePeriod/0/numberPhases",
        ),
    ],
)
def test_what_it_forbids_is_a_problem_that_names_the_field(
    payload: dict[str, Any], field: str
) -> None:
    assert fields(payload) == [field]


def test_a_remote_start_takes_a_profile_for_its_transaction_alone_and_names_none() -> None:
    profile = request(chargingProfilePurpose="TxProfile")["csChargingProfiles"]
    assert fields({"idTag": "A", "chargingProfile": profile}, action=REMOTE_START_TRANSACTION) == []
    assert fields({"idTag": "A"}, action=REMOTE_START_TRANSACTION) == []
    numbered = profile | {"transactionId": 7}
    payload = {"idTag": "A", "connectorId": 0, "chargingProfile": numbered}
    assert fields(payload, action=REMOTE_START_TRANSACTION) == [
        "/chargingProfile/transactionId",
        "/connectorId",
    ]
    default = {"idTag": "A", "chargingProfile": PROFILE}
    assert fields(default, action=REMOTE_START_TRANSACTION) == [
        "/chargingProfile/chargingProfilePurpose"
    ]


def test_what_a_station_said_it_takes_is_held() -> None:
    limits = profile_limits(
        {
            "ChargeProfileMaxStackLevel": "2",
            "ChargingScheduleMaxPeriods": "1",
            "MaxChargingProfilesInstalled": "5",
            "ChargingScheduleAllowedChargingRateUnit": "Power",
        }
    )
    assert limits == ProfileLimits(2, 1, 5, frozenset("W"))
    two = [{"startPeriod": 0, "limit": 1}, {"startPeriod": 9, "limit": 1}]
    assert fields(request(stackLevel=3, periods=two), limits) == [
        f"{AT}/stackLevel",
        f"{PLAN}/chargingSchedulePeriod",
        f"{PLAN}/chargingRateUnit",
    ]
    assert fields(request(stackLevel=2, schedule={"chargingRateUnit": "W"}), limits) == []


def test_what_a_station_never_said_or_said_unreadably_limits_nothing() -> None:
    assert profile_limits({}) == ProfileLimits()
    unreadable = {"ChargeProfileMaxStackLevel": "many", "ChargingScheduleMaxPeriods": None}
    assert profile_limits(unreadable) == ProfileLimits()


def test_units_are_read_by_name_and_by_letter() -> None:
    key = "ChargingScheduleAllowedChargingRateUnit"
    assert profile_limits({key: "Current, Power"}).units == frozenset("AW")
    assert profile_limits({key: "A"}).units == frozenset("A")


@pytest.mark.parametrize("limit", [0.1, 0.3, 8.1, 16.1, 21.4, 31.9, 1103.7, 22000.1, 6])
def test_limits_of_one_decimal_pass_their_schemas_exactly(limit: float) -> None:
    plan = {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
        "minChargingRate": limit,
    }
    request(schedule=plan)
    start = {"idTag": "A", "chargingProfile": PROFILE | {"chargingSchedule": plan}}
    assert validate_request(OCPP16, REMOTE_START_TRANSACTION, start) is None
    answer = {"status": "Accepted", "connectorId": 1, "chargingSchedule": plan}
    assert validate_response(OCPP16, "GetCompositeSchedule", answer) is None


@pytest.mark.parametrize("limit", [8.15, 0.05, 16.01, 8.100000000000001])
def test_limits_of_more_decimals_do_not(limit: float) -> None:
    profile = copy.deepcopy(PROFILE)
    profile["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] = limit
    payload = {"connectorId": 1, "csChargingProfiles": profile}
    problem = validate_request(OCPP16, SET_CHARGING_PROFILE, payload)
    assert problem is not None
    assert problem.keyword == "multipleOf"
