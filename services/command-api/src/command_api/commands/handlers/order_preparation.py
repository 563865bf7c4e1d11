"""What becomes of an order: a command that waits for its station, or one that must not be sent.

It is prepared when it is stored, and again when it is sent where it could not be checked or the
station speaks another version by then.
"""

from dataclasses import replace

from command_api.commands.domain.preparation import (
    AskedCommand,
    CommandEdge,
    Refusal,
    error_of,
    refusal_of_target,
    refusal_of_version,
    seen_by,
    unknown_version,
)
from command_api.commands.domain.registration import refusal_by_registration
from command_api.commands.domain.states import CommandRecord, CommandStatus
from command_api.ports import ServiceAway
from csms_shared.contracts.orders import CommandOrder
from csms_shared.contracts.stations import OwnerView
from csms_shared.db.tenancy import acting_for


def waiting_command(order: CommandOrder, now_ms: int) -> CommandRecord:
    """Return the command that an order asks for, as it is ordered."""
    return CommandRecord(
        command_id=order.order_id,
        tenant_id=order.tenant_id,
        station_id=order.station_id,
        action=order.action,
        ocpp_version=order.ocpp_version,
        payload=order.payload,
        intent=None if order.intent is None else order.intent.model_dump(mode="json"),
        status=CommandStatus.WAITING,
        created_by=order.created_by,
        created_ms=now_ms,
        deadline_ms=order.deadline_ms,
        held=True,
        unchecked=True,
    )


def in_spoken_version(command: CommandRecord, owner: OwnerView, edge: CommandEdge) -> CommandRecord:
    """Return a held command in the version that its station speaks, as far as is known.

    A station that is another tenant's by now is none of this one.

    It is `unchecked` where it was, or was written anew; `error` says why it is not to be sent:
    nobody has to be asked for that.
    """
    owner = seen_by(command.tenant_id, owner)
    changed = refusal_of_version(command.ocpp_version, owner)
    if changed is not None:
        spoken = owner.ocpp_version or command.ocpp_version
        if command.intent is None:
            return _refused(command, changed, edge)
        call = edge.written(command.intent, spoken)
        if call is None:
            return _refused(command, unknown_version(spoken), edge)
        command = replace(
            command, ocpp_version=spoken, action=call[0], payload=call[1], unchecked=True
        )
    asked = _asked(command)
    refusal = (
        refusal_of_target(asked, owner, edge)
        or edge.refusal_of_order(asked)
        or refusal_by_registration(
            asked.station_id, asked.version, asked.action, owner.registration_status
        )
    )
    return command if refusal is None else _refused(command, refusal, edge)


async def checked(command: CommandRecord, edge: CommandEdge) -> CommandRecord:
    """Return the command as it is sent; `error` says why it is not to be.

    It is prepared as an operator's is (`CommandCreation`), but for what no service may order.

    Raises:
        ServiceAway: a service that has to be asked does not answer.
    """
    asked = _asked(command)
    with acting_for(command.tenant_id):
        prepared = await edge.prepare(asked)
    if isinstance(prepared, Refusal):
        if prepared.status >= 500:
            raise ServiceAway(prepared.detail)
        return _refused(command, prepared, edge)
    return replace(
        command,
        payload=edge.kept_payload(replace(asked, payload=prepared.payload)),
        awaited_start=prepared.awaited_start,
        unchecked=False,
    )


def _asked(command: CommandRecord) -> AskedCommand:
    return AskedCommand(
        station_id=command.station_id,
        version=command.ocpp_version,
        action=command.action,
        payload=command.payload,
        held=True,
    )


def _refused(command: CommandRecord, refusal: Refusal, edge: CommandEdge) -> CommandRecord:
    return replace(
        command,
        payload=edge.kept_payload(_asked(command)),
        # It may hold what the payload must not.
        intent=None,
        unchecked=False,
        error=error_of(refusal),
    )
