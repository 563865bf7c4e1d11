"""What becomes of an order: a command that waits for its station, or one that failed at once."""

from dataclasses import replace
from typing import Any

from command_api.commands.domain.preparation import (
    AskedCommand,
    CommandEdge,
    Refusal,
    refusal_of_target,
    version_of,
)
from command_api.commands.domain.registration import refusal_by_registration
from command_api.commands.domain.states import CommandRecord, CommandStatus
from command_api.ports import ServiceAway
from csms_shared.contracts.orders import CommandOrder, OrderRefusal
from csms_shared.contracts.stations import OwnerView


async def command_of_order(
    order: CommandOrder, owner: OwnerView, edge: CommandEdge, now_ms: int
) -> CommandRecord:
    """Return the command to store; `error` says why it is not to be sent.

    It is prepared as an operator's is (`CommandCreation`), but for what no service may order.

    Raises:
        ServiceAway: a service that has to be asked does not answer.
    """
    asked = AskedCommand(
        station_id=order.station_id,
        version=version_of(owner),
        action=order.action,
        payload=order.payload,
        held=True,
    )
    refusal = (
        refusal_of_target(asked, owner)
        or edge.refusal_of_order(asked)
        or refusal_by_registration(
            asked.station_id, asked.version, asked.action, owner.registration_status
        )
    )
    prepared = refusal or await edge.prepare(asked)
    if isinstance(prepared, Refusal):
        if prepared.status >= 500:
            raise ServiceAway(prepared.detail)
        return replace(_waiting(order, asked, edge, now_ms), error=_error(prepared))
    return replace(
        _waiting(order, replace(asked, payload=prepared.payload), edge, now_ms),
        awaited_start=prepared.awaited_start,
    )


def _waiting(
    order: CommandOrder, asked: AskedCommand, edge: CommandEdge, now_ms: int
) -> CommandRecord:
    return CommandRecord(
        command_id=order.order_id,
        station_id=order.station_id,
        action=order.action,
        ocpp_version=asked.version,
        payload=edge.kept_payload(asked),
        status=CommandStatus.WAITING,
        created_by=order.created_by,
        created_ms=now_ms,
        deadline_ms=order.deadline_ms,
        held=True,
    )


def _error(refusal: Refusal) -> dict[str, Any]:
    code = refusal.code.upper()
    # Which field is wrong says more than that one is.
    invalid = code == OrderRefusal.PAYLOAD_INVALID and refusal.errors
    description = refusal.errors[0].message if invalid else refusal.detail
    return {"code": code, "description": description, "details": {}}
