"""Asking the services that know of sessions, of reservations and of places."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from pydantic import ValidationError

from billing_service.bills.domain.pricing import Known, Subject
from billing_service.bills.domain.subject import reservation_of
from billing_service.bills.store.sessions import Key
from csms_shared.contracts.session_facts import (
    ConnectorTimes,
    PlaceView,
    ReservationFactsView,
    SessionFactsView,
)


class NotAnswered(Exception):
    """The other service refused the question: one of those that it is about may be to blame."""


class SomeSessions(NamedTuple):
    """What is known of sessions, and of which it has to be asked for again: not all fit."""

    items: list[Any]
    later: list[int]


class Ask(Protocol):
    """Asks other services. Items come as they were answered: each is read by itself."""

    async def sessions(self, tenant_id: str, transaction_ids: Sequence[int]) -> SomeSessions:
        """Return what is known of sessions (`sessions.facts`), of at least one of them.

        Raises:
            Unavailable: there is no answer now.
            NotAnswered: the question was refused.
        """

    async def reservations(self, tenant_id: str, reservation_ids: Sequence[int]) -> list[Any]:
        """Return what is known of reservations (`reservations.facts`).

        Raises:
            Unavailable: there is no answer now.
            NotAnswered: the question was refused.
        """

    async def places(self, tenant_id: str, sessions: Sequence[ConnectorTimes]) -> list[Any]:
        """Return where sessions and reservations were (`stations.places`), by their numbers.

        Raises:
            Unavailable: there is no answer now.
            NotAnswered: the question was refused.
        """


async def known_of_sessions(ask: Ask, keys: Iterable[Key]) -> dict[Key, Known | str]:
    """Return what is known of sessions, or of each why nothing is.

    Raises:
        Unavailable: another service does not answer now.
    """
    of_tenants: dict[str, list[int]] = {}
    for tenant_id, transaction_id in keys:
        of_tenants.setdefault(tenant_id, []).append(transaction_id)
    found: dict[Key, Known | str] = {}
    for tenant_id, transaction_ids in of_tenants.items():
        portions = [transaction_ids]
        while portions:
            portion = portions.pop()
            try:
                some, later = await known_of_some(ask, tenant_id, portion)
            except NotAnswered:
                portions += [[one] for one in portion]
                continue
            found |= some
            if later:
                portions.append(later)
    return found


async def known_of_some(
    ask: Ask, tenant_id: str, numbers: Sequence[int]
) -> tuple[dict[Key, Known | str], list[int]]:
    """Return what one answer tells of what a tenant has, and of which it tells nothing yet.

    Named by their numbers (`bills/domain/subject.py`): either sessions or reservations, which are
    different questions.

    Raises:
        NotAnswered: the question was refused, and is about several: any of them may be to blame.
        Unavailable: another service does not answer now.
    """
    try:
        return await _asked_together(ask, tenant_id, numbers)
    except NotAnswered as error:
        if len(numbers) > 1:
            raise
        return {(tenant_id, numbers[0]): str(error)}, []


async def _asked_together(
    ask: Ask, tenant_id: str, numbers: Sequence[int]
) -> tuple[dict[Key, Known | str], list[int]]:
    reservations = {id: one for one in numbers if (id := reservation_of(one)) is not None}
    later: list[int] = []
    if reservations:
        items = await ask.reservations(tenant_id, [*reservations])
        read = _read(ReservationFactsView, items, reservations)
        unknown = "session-service knows no such reservation"
    else:
        items, later = await ask.sessions(tenant_id, numbers)
        read = _read(SessionFactsView, items, {one: one for one in numbers if one not in later})
        unknown = "session-service knows no such transaction"
    found: dict[int, Subject | str] = {one: unknown for one in numbers if one not in later}
    found |= read
    known = {one: subject for one, subject in found.items() if not isinstance(subject, str)}
    places = await _places(ask, tenant_id, known) if known else {}
    told: dict[Key, Known | str] = {}
    for one, subject in found.items():
        place = places.get(one)
        if isinstance(subject, str):
            told[tenant_id, one] = subject
        else:
            told[tenant_id, one] = place if isinstance(place, str) else Known(subject, place)
    return told, later


def _read(
    view: type[Subject], items: Iterable[Any], numbers: Mapping[int, int]
) -> dict[int, Subject | str]:
    """Return what items tell, by number; `numbers` of those that were asked for, by their ids."""
    field = "reservation_id" if view is ReservationFactsView else "transaction_id"
    read: dict[int, Subject | str] = {}
    for item in items:
        named = item.get(field) if isinstance(item, dict) else None
        number = numbers.get(named) if isinstance(named, int) else None
        if number is not None:
            try:
                read[number] = view.model_validate(item)
            except ValidationError as error:
                read[number] = f"the facts can't be read: {_shortly(error)}"
    return read


async def _places(
    ask: Ask, tenant_id: str, known: Mapping[int, Subject]
) -> dict[int, PlaceView | str]:
    found: dict[int, PlaceView | str] = {}
    asked: list[ConnectorTimes] = []
    for number, one in known.items():
        try:
            asked.append(_times_of(number, one))
        except ValidationError as error:
            found[number] = f"its times can't be right: {_shortly(error)}"
    for item in await ask.places(tenant_id, asked) if asked else ():
        try:
            place = PlaceView.model_validate(item)
        except ValidationError as error:
            if isinstance(item, dict) and isinstance(item.get("transaction_id"), int):
                found[item["transaction_id"]] = f"the place can't be read: {_shortly(error)}"
            continue
        found[place.transaction_id] = place
    return found


def _times_of(number: int, subject: Subject) -> ConnectorTimes:
    return ConnectorTimes.model_validate(
        {
            "transaction_id": number,
            "station_id": subject.station_id,
            "connector_id": subject.connector_id,
            "site_id": subject.site_id,
            "from_time": subject.started_at,
            "to_time": max(subject.started_at, subject.stopped_at or _last_time(subject)),
        }
    )


def _last_time(subject: Subject) -> str:
    readings = subject.readings if isinstance(subject, SessionFactsView) else ()
    return max((one.at for one in readings), default=subject.started_at)


def _shortly(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:300]
