"""What becomes of an order of another service."""

from typing import Any

import pytest

from command_api.commands.domain.orders import command_of_order
from command_api.commands.domain.states import CommandStatus
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.orders import CommandOrder
from csms_shared.contracts.stations import OwnerView, RegistrationStatus

NOW = 1_795_300_000_000
PASSWORD = "0123456789abcdef0123"


def order(action: str = "ClearCache", payload: dict[str, Any] | None = None) -> CommandOrder:
    return CommandOrder(
        order_id=new_command_id(NOW),
        station_id="S1",
        action=action,
        payload=payload or {},
        deadline_ms=NOW + 60_000,
        created_by="station-registry",
    )


def owner(status: RegistrationStatus = RegistrationStatus.ACCEPTED) -> OwnerView:
    return OwnerView(station_id="S1", known=True, registration_status=status)


def test_an_order_becomes_a_held_command_of_the_same_id() -> None:
    ordered = order()
    command = command_of_order(ordered, owner(), NOW)
    assert command.command_id == ordered.order_id
    assert (command.status, command.held, command.attempts) == (CommandStatus.WAITING, True, 0)
    assert (command.created_by, command.deadline_ms) == ("station-registry", NOW + 60_000)
    assert command.error is None


@pytest.mark.parametrize(
    ("ordered", "of", "code"),
    [
        (order(), OwnerView(station_id="S1", known=False), "UNKNOWN_STATION"),
        (order("BootNotification"), owner(), "UNKNOWN_ACTION"),
        (order("Reset", {"type": "Warm"}), owner(), "PAYLOAD_INVALID"),
        (order("UnlockConnector", {"connectorId": 0}), owner(), "PAYLOAD_INVALID"),
        (order(), owner(RegistrationStatus.REJECTED), "STATION_REJECTED"),
        (
            order("RemoteStartTransaction", {"idTag": "T"}),
            owner(RegistrationStatus.PENDING),
            "STATION_PENDING",
        ),
    ],
)
def test_an_order_that_can_not_be_followed_has_an_error_that_says_why(
    ordered: CommandOrder, of: OwnerView, code: str
) -> None:
    error = command_of_order(ordered, of, NOW).error
    assert error is not None
    assert error["code"] == code
    assert error["description"]


def test_a_security_profile_is_not_ordered_it_could_be_lower() -> None:
    ordered = order("ChangeConfiguration", {"key": "securityPROFILE", "value": "0"})
    command = command_of_order(ordered, owner(), NOW)
    assert command.error is not None
    assert command.error["code"] == "PROFILE_NOT_ORDERED"


def test_a_password_is_not_ordered_and_not_kept() -> None:
    ordered = order("ChangeConfiguration", {"key": "authorizationKEY", "value": PASSWORD})
    command = command_of_order(ordered, owner(), NOW)
    assert command.error is not None
    assert command.error["code"] == "ROTATION_NOT_ORDERED"
    assert PASSWORD not in repr(command)
