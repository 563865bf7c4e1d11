"""Requests are checked by their schema and by the numbers that it leaves open."""

from typing import Any

import pytest

from command_api.domain.payload_problems import payload_problems
from csms_shared.ocpp.versions import OCPP16


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
    ],
)
def test_each_wrong_field_is_named(action: str, payload: dict[str, Any], fields: list[str]) -> None:
    assert sorted(field for field, _ in payload_problems(OCPP16, action, payload)) == fields
