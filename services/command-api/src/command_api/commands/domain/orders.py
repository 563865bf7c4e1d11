"""What becomes of an order: a command that waits for its station, or one that failed at once."""

from dataclasses import replace
from typing import Any

from command_api.commands.domain.password_rotation import is_password_rotation
from command_api.commands.domain.payload_problems import payload_problems
from command_api.commands.domain.registration import refusal_by_registration
from command_api.commands.domain.secret_values import masked
from command_api.commands.domain.security_profile_change import wanted_profile
from command_api.commands.domain.states import CommandRecord, CommandStatus
from csms_shared.contracts.orders import CommandOrder, OrderRefusal
from csms_shared.contracts.stations import OwnerView
from csms_shared.ocpp.actions import command_actions
from csms_shared.ocpp.versions import OCPP16


def command_of_order(order: CommandOrder, owner: OwnerView, now_ms: int) -> CommandRecord:
    """Return the command to store; `error` says why it is not to be sent.

    It is checked as an operator's request is (`CommandCreation`). A new AuthorizationKey would
    lie readable in a service's outbox, so it is never ordered; nor is a SecurityProfile, which the
    registry must have offered first.
    """
    rotates = is_password_rotation(order.action, order.payload)
    return replace(
        CommandRecord(
            command_id=order.order_id,
            station_id=order.station_id,
            action=order.action,
            ocpp_version=owner.ocpp_version or OCPP16,
            payload=masked(order.payload) if rotates else order.payload,
            status=CommandStatus.WAITING,
            created_by=order.created_by,
            created_ms=now_ms,
            deadline_ms=order.deadline_ms,
            held=True,
        ),
        error=_refusal(order, owner),
    )


def _refusal(order: CommandOrder, owner: OwnerView) -> dict[str, Any] | None:
    if not owner.known:
        return _error(OrderRefusal.UNKNOWN_STATION, f"there is no station {order.station_id}")
    version = owner.ocpp_version or OCPP16
    if order.action not in command_actions(version):
        return _error(OrderRefusal.UNKNOWN_ACTION, f"{version} has no command {order.action}")
    if is_password_rotation(order.action, order.payload):
        return _error(
            OrderRefusal.ROTATION_NOT_ORDERED, "a new AuthorizationKey is set by an operator only"
        )
    if wanted_profile(order.action, order.payload) is not None:
        return _error(
            OrderRefusal.PROFILE_NOT_ORDERED, "SecurityProfile is raised by an operator only"
        )
    refused = refusal_by_registration(order.station_id, order.action, owner.registration_status)
    if refused is not None:
        return _error(OrderRefusal(refused.code.upper()), refused.detail)
    problems = payload_problems(version, order.action, order.payload)
    if problems:
        return _error(OrderRefusal.PAYLOAD_INVALID, problems[0][1])
    return None


def _error(code: OrderRefusal, description: str) -> dict[str, Any]:
    return {"code": code.value, "description": description, "details": {}}
