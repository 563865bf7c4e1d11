"""What ReserveNow and CancelReservation came to, whoever sent them (OCPP 1.6, 5.1 and 5.13)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.db.outbox import write_events
from csms_shared.values.id_tokens import token_key
from csms_shared.values.numbers import as_integer
from csms_shared.values.texts import storable
from csms_shared.values.times import parse_bound, read_moment
from session_service.reservations.domain import Answer
from session_service.reservations.handlers.events import reservation_event
from session_service.reservations.handlers.judging import judge_stations, learn_answer
from session_service.reservations.store.reservations import (
    KeptReservation,
    add_cancellations,
    add_foreign,
    known_commands,
)
from session_service.store.service_tables import outbox

# CALLERROR codes of stations that have no such feature (OCPP-J 1.6, 4.2.3).
UNSUPPORTED = frozenset({"NotSupported", "NotImplemented"})
_NEVER_SENT = frozenset({"station_offline", "expired"})


async def reserve_now_completed(
    connection: AsyncConnection, commands: Sequence[CompletedCommand]
) -> None:
    """Learn the answers; a reservation that nobody knew of came by a command, and is kept too."""
    known = await known_commands(connection, [command.command_id for command in commands])
    foreign = [
        values
        for command in commands
        if command.command_id not in known and (values := _foreign(command)) is not None
    ]
    added = await add_foreign(connection, foreign)
    await write_events(connection, outbox, [reservation_event(row, "created") for row in added])
    by_id = {command.command_id: command for command in commands}

    def learn(item: KeptReservation) -> None:
        command = by_id.get(item.row.command_id)
        if command is not None:
            learn_answer(item, *reserve_answer(command), read_moment(command.completed_at))

    await judge_stations(
        connection,
        {command.station_id for command in commands},
        commands=by_id.keys(),
        learn=learn,
    )


async def cancel_reservation_completed(
    connection: AsyncConnection, commands: Sequence[CompletedCommand]
) -> None:
    """Learn which reservations stations gave up, and which they did not hold."""
    answers = [
        {
            "command_id": command.command_id,
            "station_id": command.station_id,
            "wire_id": wire_id,
            "asked_at": read_moment(command.sent_at or command.completed_at),
            "answered_at": read_moment(command.completed_at),
            "accepted": bool(command.accepted),
        }
        for command in commands
        if command.status == "completed"
        and (wire_id := _wire_id(command.payload)) is not None
        and (command.response or {}).get("status") in ("Accepted", "Rejected")
    ]
    await add_cancellations(connection, answers)
    failures = {
        command.command_id: failure
        for command in commands
        if (failure := cancel_failure(command)) is not None
    }

    def learn(item: KeptReservation) -> None:
        if item.cancel_command_id in failures:
            item.cancel_failure = failures[item.cancel_command_id]
        elif item.cancel_command_id in settled:
            item.cancel_failure = None

    settled = {command.command_id for command in commands}
    named = {
        (command.station_id, wire_id)
        for command in commands
        if (wire_id := _wire_id(command.payload)) is not None
    }
    await judge_stations(
        connection, {station_id for station_id, _ in named}, named=named, learn=learn
    )


def reserve_answer(command: CompletedCommand) -> tuple[Answer, str | None]:
    """Return what a ReserveNow came to, and why it was refused."""
    if command.status == "outcome_unknown":
        return Answer.UNKNOWN, None
    if command.status == "completed":
        status = str((command.response or {}).get("status", ""))
        if status == "Accepted":
            return Answer.ACCEPTED, None
        return Answer.REFUSED, status.lower() or "error"
    if command.status in _NEVER_SENT:
        return Answer.REFUSED, "offline"
    code = command.error.code if command.error is not None else "error"
    return Answer.REFUSED, "unsupported" if code in UNSUPPORTED else code.lower()


def cancel_failure(command: CompletedCommand) -> str | None:
    """Return why a CancelReservation has no answer, None where it has one."""
    if command.status == "completed":
        return None
    if command.status in _NEVER_SENT:
        return "offline"
    if command.status == "outcome_unknown":
        return "outcome_unknown"
    code = command.error.code if command.error is not None else "error"
    return "unsupported" if code in UNSUPPORTED else code.lower()


def _foreign(command: CompletedCommand) -> dict[str, Any] | None:
    """Return the reservation that an operator asked for by the command route."""
    payload = command.payload
    expires_at = parse_bound(str(payload.get("expiryDate", "")))
    wire_id = _wire_id(payload)
    connector_id = as_integer(payload.get("connectorId"))
    if expires_at is None or wire_id is None or connector_id is None:
        return None
    id_token = storable(payload.get("idTag", ""))
    group = payload.get("parentIdTag")
    return {
        "station_id": command.station_id,
        "wire_id": wire_id,
        "connector_id": connector_id,
        "id_token": id_token,
        "token_key": token_key(id_token),
        "group_id": None if group is None else storable(group),
        "created_at": read_moment(command.created_at),
        "expires_at": expires_at,
        "created_by": command.created_by,
        "command_id": command.command_id,
    }


def _wire_id(payload: dict[str, Any]) -> int | None:
    return as_integer(payload.get("reservationId"))
