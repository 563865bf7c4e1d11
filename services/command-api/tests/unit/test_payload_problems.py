"""Requests are checked by their schema and by the numbers that it leaves open."""

from typing import Any

import pytest

from command_api.ocpp.payload_problems import payload_problems, with_whole_numbers
from csms_shared.ocpp.versions import OCPP16

_NEVER = "9999-12-31T23:59:59.999999Z"
_ZERO = "0001-01-01T00:00:00Z"


def _local_list(expiry: str) -> dict[str, Any]:
    entry = {"idTag": "T", "idTagInfo": {"status": "Accepted", "expiryDate": expiry}}
    return {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry, entry]}


def _profile(id_: float, periods: list[tuple[float, float]]) -> dict[str, Any]:
    return {
        "chargingProfileId": id_,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": at, "limit": most} for at, most in periods],
        },
    }


@pytest.mark.parametrize(
    ("action", "payload", "fields"),
    [
        ("Reset", {"type": "Soft"}, []),
        ("Reset", {"type": "Warm", "x": 1}, ["/type", "/x"]),
        ("ChangeAvailability", {"connectorId": 0, "type": "Operative"}, []),
        ("ChangeAvailability", {"connectorId": -1, "type": "Operative"}, ["/connectorId"]),
        ("GetCompositeSchedule", {"connectorId": -1, "duration": 60}, ["/connectorId"]),
        ("RemoteStartTransaction", {"idTag": "T"}, []),
        ("RemoteStartTransaction", {"idTag": "T", "connectorId": 0}, ["/connectorId"]),
        ("SendLocalList", {"listVersion": 1, "updateType": "Full"}, []),
        ("SendLocalList", {"listVersion": 0, "updateType": "Full"}, ["/listVersion"]),
        ("SendLocalList", {"listVersion": -1, "updateType": "Full"}, ["/listVersion"]),
        ("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 0}, []),
        ("UnlockConnector", {"connectorId": 0}, ["/connectorId"]),
        ("UpdateFirmware", {"location": "ftp://h/", "retrieveDate": _NEVER}, []),
        ("UpdateFirmware", {"location": "ftp://h/", "retrieveDate": _ZERO}, ["/retrieveDate"]),
        ("SendLocalList", _local_list(_NEVER), []),
        (
            "SendLocalList",
            _local_list(_ZERO),
            [
                "/localAuthorizationList/0/idTagInfo/expiryDate",
                "/localAuthorizationList/1/idTagInfo/expiryDate",
            ],
        ),
        (
            "GetLog",
            {
                "logType": "SecurityLog",
                "requestId": 1,
                "log": {"remoteLocation": "ftp://h/", "oldestTimestamp": _ZERO},
            },
            ["/log/oldestTimestamp"],
        ),
    ],
)
def test_each_wrong_field_is_named(action: str, payload: dict[str, Any], fields: list[str]) -> None:
    assert sorted(field for field, _ in payload_problems(OCPP16, action, payload)) == fields


@pytest.mark.parametrize(
    ("action", "payload", "whole"),
    [
        ("UnlockConnector", {"connectorId": 1.0}, {"connectorId": 1}),
        ("UnlockConnector", {"connectorId": 1.5}, {"connectorId": 1.5}),
        ("UnlockConnector", {"connectorId": 1e300}, {"connectorId": 1e300}),
        ("UnlockConnector", {"connectorId": True}, {"connectorId": True}),
        ("UnlockConnector", {"connectorId": "1"}, {"connectorId": "1"}),
        ("UnlockConnector", {}, {}),
        ("DataTransfer", {"vendorId": 1.0}, {"vendorId": 1.0}),
        (
            "SetChargingProfile",
            {"connectorId": -0.0, "csChargingProfiles": _profile(7.0, [(0, 16.0), (60.0, 8.5)])},
            {"connectorId": 0, "csChargingProfiles": _profile(7, [(0, 16.0), (60, 8.5)])},
        ),
    ],
)
def test_an_integer_may_be_written_with_a_fraction_of_zero(
    action: str, payload: dict[str, Any], whole: dict[str, Any]
) -> None:
    before = repr(payload)
    assert repr(with_whole_numbers(OCPP16, action, payload)) == repr(whole)
    assert repr(payload) == before


@pytest.mark.parametrize("levels", [200, 300, 900])
def test_a_field_that_is_nested_deeply_is_told_and_breaks_nothing(levels: int) -> None:
    nested: object = 1.0
    for _ in range(levels):
        nested = [nested]
    payload = {"connectorId": 1.0, "idTag": nested}
    assert payload_problems(OCPP16, "RemoteStartTransaction", payload)
    assert with_whole_numbers(OCPP16, "RemoteStartTransaction", payload)["idTag"] == nested
