"""ReserveNow and CancelReservation of OCPP 1.6 (5.1, 5.13, 6.37)."""

from typing import Any

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.values.numbers import as_integer
from csms_shared.values.texts import storable
from csms_shared.values.times import parse_bound, read_moment
from session_service.ocpp.v16.answers import UNSUPPORTED
from session_service.reservations.domain import Answer, CancelEnd, ReserveEnd, WantedReservation
from session_service.values.keys import token_key_in_tenant

_NEVER_SENT = frozenset({"station_offline", "expired"})


def read_reserve_end(command: CompletedCommand) -> ReserveEnd:
    """Return what a ReserveNow came to."""
    answer, refusal = _answer(command)
    return ReserveEnd(
        command_id=command.command_id,
        station_id=command.station_id,
        tenant_id=command.tenant_id,
        wanted=_wanted(command.tenant_id, command.payload),
        created_at=read_moment(command.created_at),
        created_by=command.created_by,
        answer=answer,
        refusal=refusal,
        completed_at=read_moment(command.completed_at),
    )


def read_cancel_end(command: CompletedCommand) -> CancelEnd:
    """Return what a CancelReservation came to."""
    status = (command.response or {}).get("status")
    return CancelEnd(
        command_id=command.command_id,
        station_id=command.station_id,
        tenant_id=command.tenant_id,
        wire_id=_wire_id(command.payload),
        asked_at=read_moment(command.sent_at or command.completed_at),
        completed_at=read_moment(command.completed_at),
        accepted=bool(command.accepted),
        answered=command.status == "completed" and status in ("Accepted", "Rejected"),
        failure=_failure(command),
    )


def _answer(command: CompletedCommand) -> tuple[Answer, str | None]:
    if command.status == "outcome_unknown":
        return Answer.UNKNOWN, None
    if command.status == "completed":
        status = str((command.response or {}).get("status", ""))
        if status == "Accepted":
            return Answer.ACCEPTED, None
        return Answer.REFUSED, status.lower() or "error"
    return Answer.REFUSED, _error(command)


def _failure(command: CompletedCommand) -> str | None:
    """Return why there is no answer, None where there is one."""
    if command.status == "completed":
        return None
    if command.status == "outcome_unknown":
        return "outcome_unknown"
    return _error(command)


def _error(command: CompletedCommand) -> str:
    if command.status in _NEVER_SENT:
        return "offline"
    code = storable(command.error.code) if command.error is not None else "error"
    return "unsupported" if code in UNSUPPORTED else code.lower()


def _wanted(tenant_id: str, payload: dict[str, Any]) -> WantedReservation | None:
    expires_at = parse_bound(str(payload.get("expiryDate", "")))
    wire_id = _wire_id(payload)
    connector_id = as_integer(payload.get("connectorId"))
    if expires_at is None or wire_id is None or connector_id is None:
        return None
    id_token = storable(payload.get("idTag", ""))
    group = payload.get("parentIdTag")
    return WantedReservation(
        wire_id=wire_id,
        connector_id=connector_id,
        id_token=id_token,
        token_key=token_key_in_tenant(tenant_id, id_token),
        group_id=None if group is None else storable(group),
        expires_at=expires_at,
    )


def _wire_id(payload: dict[str, Any]) -> int | None:
    return as_integer(payload.get("reservationId"))
