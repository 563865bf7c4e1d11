"""Asking the services that know of sessions and of places."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from pydantic import ValidationError

from billing_service.bills.domain.pricing import Known
from billing_service.bills.store.sessions import Key
from csms_shared.contracts.session_facts import ConnectorTimes, PlaceView, SessionFactsView


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

    async def places(self, tenant_id: str, sessions: Sequence[ConnectorTimes]) -> list[Any]:
        """Return where sessions were (`stations.places`).

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
    ask: Ask, tenant_id: str, transaction_ids: Sequence[int]
) -> tuple[dict[Key, Known | str], list[int]]:
    """Return what one answer tells of sessions of a tenant, and of which it tells nothing yet.

    Raises:
        NotAnswered: the question was refused, and is about several: any of them may be to blame.
        Unavailable: another service does not answer now.
    """
    try:
        return await _asked_together(ask, tenant_id, transaction_ids)
    except NotAnswered as error:
        if len(transaction_ids) > 1:
            raise
        return {(tenant_id, transaction_ids[0]): str(error)}, []


async def _asked_together(
    ask: Ask, tenant_id: str, transaction_ids: Sequence[int]
) -> tuple[dict[Key, Known | str], list[int]]:
    unknown = "session-service knows no such transaction"
    items, later = await ask.sessions(tenant_id, transaction_ids)
    told = {*transaction_ids}.difference(later)
    found: dict[Key, Known | str] = {(tenant_id, one): unknown for one in told}
    sessions: dict[int, SessionFactsView] = {}
    for item in items:
        try:
            session = SessionFactsView.model_validate(item)
        except ValidationError as error:
            if isinstance(item, dict) and item.get("transaction_id") in told:
                named = tenant_id, int(item["transaction_id"])
                found[named] = f"the facts can't be read: {_shortly(error)}"
            continue
        sessions[session.transaction_id] = session
    places = await _places(ask, tenant_id, [*sessions.values()]) if sessions else {}
    for one, session in sessions.items():
        place = places.get(one)
        found[tenant_id, one] = place if isinstance(place, str) else Known(session, place)
    return {key: found[key] for key in found if key[1] in told}, later


async def _places(
    ask: Ask, tenant_id: str, sessions: list[SessionFactsView]
) -> dict[int, PlaceView | str]:
    found: dict[int, PlaceView | str] = {}
    asked: list[ConnectorTimes] = []
    for one in sessions:
        try:
            asked.append(_times_of(one))
        except ValidationError as error:
            found[one.transaction_id] = f"its times can't be right: {_shortly(error)}"
    for item in await ask.places(tenant_id, asked) if asked else ():
        try:
            place = PlaceView.model_validate(item)
        except ValidationError as error:
            if isinstance(item, dict) and isinstance(item.get("transaction_id"), int):
                found[item["transaction_id"]] = f"the place can't be read: {_shortly(error)}"
            continue
        found[place.transaction_id] = place
    return found


def _times_of(session: SessionFactsView) -> ConnectorTimes:
    return ConnectorTimes.model_validate(
        {
            "transaction_id": session.transaction_id,
            "station_id": session.station_id,
            "connector_id": session.connector_id,
            "site_id": session.site_id,
            "from_time": session.started_at,
            "to_time": max(session.started_at, session.stopped_at or _last_time(session)),
        }
    )


def _last_time(session: SessionFactsView) -> str:
    return max((one.at for one in session.readings), default=session.started_at)


def _shortly(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:300]
