"""What commands to reserve and to cancel came to, whoever sent them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.outbox import write_events
from session_service.database.service_tables import outbox
from session_service.reservations.domain import CancelEnd, ReserveEnd
from session_service.reservations.handlers.events import reservation_event
from session_service.reservations.handlers.judging import judge_stations, learn_answer
from session_service.reservations.store.reservations import (
    KeptReservation,
    add_cancellations,
    add_foreign,
    known_commands,
)


async def reserve_now_completed(connection: AsyncConnection, ends: Sequence[ReserveEnd]) -> None:
    """Learn the answers; a reservation that nobody knew of came by a command, and is kept too."""
    known = await known_commands(connection, [end.command_id for end in ends])
    foreign = [
        values
        for end in ends
        if end.command_id not in known and (values := _foreign(end)) is not None
    ]
    added = await add_foreign(connection, foreign)
    await write_events(connection, outbox, [reservation_event(row, "created") for row in added])
    by_id = {end.command_id: end for end in ends}

    def learn(item: KeptReservation) -> None:
        end = by_id.get(item.row.command_id)
        if end is not None:
            learn_answer(item, end.answer, end.refusal, end.completed_at)

    await judge_stations(
        connection,
        {(end.tenant_id, end.station_id) for end in ends},
        commands=by_id.keys(),
        learn=learn,
    )


async def cancel_reservation_completed(
    connection: AsyncConnection, ends: Sequence[CancelEnd]
) -> None:
    """Learn which reservations stations gave up, and which they did not hold."""
    answers = [
        {
            "command_id": end.command_id,
            "station_id": end.station_id,
            "tenant_id": end.tenant_id,
            "wire_id": end.wire_id,
            "asked_at": end.asked_at,
            "answered_at": end.completed_at,
            "accepted": end.accepted,
        }
        for end in ends
        if end.answered and end.wire_id is not None
    ]
    await add_cancellations(connection, answers)
    failures = {end.command_id: end.failure for end in ends if end.failure is not None}

    def learn(item: KeptReservation) -> None:
        if item.cancel_command_id in failures:
            item.cancel_failure = failures[item.cancel_command_id]
        elif item.cancel_command_id in settled:
            item.cancel_failure = None

    settled = {end.command_id for end in ends}
    named = {
        (end.tenant_id, end.station_id, end.wire_id) for end in ends if end.wire_id is not None
    }
    await judge_stations(connection, {one[:2] for one in named}, named=named, learn=learn)


def _foreign(end: ReserveEnd) -> dict[str, Any] | None:
    """Return the reservation that an operator asked for by the command route."""
    wanted = end.wanted
    if wanted is None:
        return None
    return {
        "station_id": end.station_id,
        "tenant_id": end.tenant_id,
        "wire_id": wanted.wire_id,
        "connector_id": wanted.connector_id,
        "id_token": wanted.id_token,
        "token_key": wanted.token_key,
        "group_id": wanted.group_id,
        "created_at": end.created_at,
        "expires_at": wanted.expires_at,
        "created_by": end.created_by,
        "command_id": end.command_id,
    }
