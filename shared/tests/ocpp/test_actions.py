import pytest

from csms_shared.ocpp.actions import (
    ActionKind,
    command_actions,
    refusal_of_station_call,
    station_action,
    station_actions,
)
from csms_shared.ocpp.errors import RpcError
from csms_shared.ocpp.versions import OCPP16


def test_every_action_of_a_station_is_offered() -> None:
    assert {action.name for action in station_actions(OCPP16) if action.offered} == {
        "Authorize",
        "BootNotification",
        "DataTransfer",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "SecurityEventNotification",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    }


def test_data_transfer_is_the_only_action_of_both_directions() -> None:
    names = {action.name for action in station_actions(OCPP16)}
    assert names & set(command_actions(OCPP16)) == {"DataTransfer"}
    assert len(names) + len(command_actions(OCPP16)) - 1 == 39


def test_a_start_is_decided_and_a_stop_is_reported() -> None:
    start, stop = (station_action(OCPP16, f"{name}Transaction") for name in ("Start", "Stop"))
    assert start is not None
    assert stop is not None
    assert (start.kind, start.service) == (ActionKind.DECISION, "session-service")
    assert (stop.kind, stop.service) == (ActionKind.REPORT, "session-service")


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("Heartbeat", None),
        ("DataTransfer", None),
        ("SecurityEventNotification", None),
        ("Reset", RpcError.NOT_SUPPORTED),
        ("heartbeat", RpcError.NOT_IMPLEMENTED),
        ("Frobnicate", RpcError.NOT_IMPLEMENTED),
    ],
)
def test_calls_that_are_not_offered_are_told_apart_from_unknown_ones(
    name: str, refusal: RpcError | None
) -> None:
    assert refusal_of_station_call(OCPP16, name) is refusal
