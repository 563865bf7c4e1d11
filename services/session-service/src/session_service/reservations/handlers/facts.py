"""What is known of reservations, for another service that charges for them."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.session_facts import (
    ReservationFacts,
    ReservationFactsList,
    ReservationFactsView,
)
from csms_shared.values.numbers import INT32_MAX
from csms_shared.values.times import format_exact_time
from session_service.reservations.domain import Answer, Reason, ReservationStatus
from session_service.reservations.store.reservations import read_reservations


async def reservation_facts(
    connection: AsyncConnection, asked: ReservationFacts
) -> ReservationFactsList:
    """Return the reservations that exist, in the order of their ids."""
    possible = {one for one in asked.reservation_ids if 0 < one <= INT32_MAX}
    rows = await read_reservations(connection, asked.tenant_id, possible)
    return ReservationFactsList(items=[_view(row) for row in rows])


def _view(row: Row[Any]) -> ReservationFactsView:
    # A session that began so late does not pay for it, so it is over as if nobody had named it.
    is_late = row.status == ReservationStatus.USED and not row.paid_with_session
    ended_at = row.expires_at if is_late else row.ended_at
    was_held = row.answer == Answer.ACCEPTED and row.answered_at is not None
    return ReservationFactsView(
        reservation_id=row.id,
        station_id=row.station_id,
        site_id=row.site_id,
        connector_id=row.connector_id,
        id_token=row.id_token,
        group_id=row.group_id,
        started_at=format_exact_time(row.answered_at if was_held else row.created_at),
        stopped_at=None if ended_at is None else format_exact_time(ended_at),
        tags=row.tags,
        was_held=was_held,
        status=ReservationStatus.EXPIRED if is_late else row.status,
        reason=Reason.NAMED_LATE if is_late else row.reason,
    )
