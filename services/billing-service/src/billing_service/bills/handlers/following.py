"""Events of transactions and reservations: kept as what is due, and nothing is calculated here."""

from collections.abc import Awaitable, Callable, Iterator, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from billing_service.bills.domain.subject import number_of_reservation
from billing_service.bills.store.sessions import Key, Told, follow
from csms_shared.broker.topology import (
    RESERVATION_CANCELLED_KEY,
    RESERVATION_EXPIRED_KEY,
    RESERVATION_REFUSED_KEY,
    RESERVATION_USED_KEY,
    TRANSACTION_CORRECTED_KEY,
    TRANSACTION_STARTED_KEY,
    TRANSACTION_STOPPED_KEY,
    TRANSACTION_UPDATED_KEY,
    TRANSACTION_VALUES_LATE_KEY,
)
from csms_shared.contracts.events import CloudEvent, event_type
from csms_shared.service.inbox import Reply, Work

_BEGUN = event_type(TRANSACTION_STARTED_KEY)
_UPDATED = event_type(TRANSACTION_UPDATED_KEY)
_VALUES_LATE = event_type(TRANSACTION_VALUES_LATE_KEY)
_ENDED = {event_type(TRANSACTION_STOPPED_KEY), event_type(TRANSACTION_CORRECTED_KEY)}
_RESERVATION_ENDED = {
    event_type(RESERVATION_USED_KEY),
    event_type(RESERVATION_EXPIRED_KEY),
    event_type(RESERVATION_CANCELLED_KEY),
    # A late answer: a session may have paid for what nobody knew the answer to.
    event_type(RESERVATION_REFUSED_KEY),
}

Follow = Callable[[AsyncConnection, Sequence[Work]], Awaitable[list[Reply]]]


def following(delay_s: float) -> Follow:
    """Return the handler of events; what has ended is due after `delay_s`."""

    async def follow_events(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
        newest: dict[Key, Told] = {}
        for told in _told(works):
            known = newest.get((told.tenant_id, told.transaction_id))
            newest[told.tenant_id, told.transaction_id] = _newer(known, told)
        if newest:
            await follow(connection, newest.values(), delay_s)
        return []

    return follow_events


def _newer(known: Told | None, told: Told) -> Told:
    if known is None:
        return told
    return Told(
        told.tenant_id,
        told.transaction_id,
        told.station_id,
        max(known.revision, told.revision),
        known.has_figures or told.has_figures,
        known.has_late_values or told.has_late_values,
    )


def _told(works: Sequence[Work]) -> Iterator[Told]:
    for work in works:
        for item in work.item:
            event = CloudEvent.model_validate(item)
            if event.type in _RESERVATION_ENDED:
                yield from _of_reservation(event)
            elif event.type in _ENDED or event.type in (_BEGUN, _UPDATED, _VALUES_LATE):
                yield Told(
                    event.tenantid,
                    int(event.data["transaction_id"]),
                    str(event.data["station_id"]),
                    int(event.data["revision"]) if event.type in _ENDED else 0,
                    event.type == _UPDATED,
                    event.type == _VALUES_LATE,
                )


def _of_reservation(event: CloudEvent) -> Iterator[Told]:
    """Return what is told of a reservation: such events have no order, so each makes it due.

    And the sessions that have used it, or were said to: it is part of their cost.
    """
    station_id = str(event.data["station_id"])
    number = number_of_reservation(int(event.data["reservation_id"]))
    yield Told(event.tenantid, number, station_id, 1, has_figures=False, has_late_values=True)
    for name in ("transaction_id", "former_transaction_id"):
        used_by = event.data.get(name)
        if used_by is not None:
            yield Told(
                event.tenantid, int(used_by), station_id, 0, has_figures=False, has_late_values=True
            )
