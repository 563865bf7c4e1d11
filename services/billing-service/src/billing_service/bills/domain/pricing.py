"""From what is known of a session to what it costs, or why nobody can say."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

import orjson

from billing_service.bills.domain.facts import facts_of, moment_of, zone_of
from billing_service.cdrs.domain.signed import SIGNATURE_INVALID, signatures
from billing_service.costs.domain.session_cost import session_cost
from billing_service.costs.domain.shown import shown
from billing_service.tariffs.domain.reading import read_tariff
from billing_service.tariffs.domain.tariff import Tariff
from csms_shared.contracts.session_facts import PlaceView, SessionFactsView

_TARIFFS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Known:
    """What other services know of a session."""

    session: SessionFactsView
    place: PlaceView | None

    def measured_at(self) -> datetime:
        """Return up to when a session that goes on is paid: its last reading, else its start."""
        times = [self.session.started_at, *(one.at for one in self.session.readings)]
        return max(map(moment_of, times))

    def size(self) -> int:
        """Return how much is known: what takes long to calculate is more."""
        session, place = self.session, self.place
        statuses = () if place is None else place.statuses
        return sum(map(len, (session.readings, session.currents, session.signed, statuses)))

    def has_lost(self, before: dict[str, Any]) -> bool:
        """Tell whether something of facts that were kept is deleted by now, as it is old."""
        now = self.facts()
        if not self.session.values_complete and any(
            not _times(before["session"][kind]) <= _times(now["session"][kind])
            for kind in ("readings", "currents", "signed")
        ):
            return True
        # Statuses are only added, and deleted when they are old. The first held when it began.
        begins = moment_of(self.session.started_at)
        then, told = (_times((one["place"] or {}).get("statuses", [])) for one in (before, now))
        has_lost_first = any(at <= begins for at in then) and not any(at <= begins for at in told)
        return has_lost_first or not {at for at in then if at > begins} <= told

    def facts(self) -> dict[str, Any]:
        """Return all of it as JSON, to calculate the same from it again."""
        return {
            "session": self.session.model_dump(mode="json"),
            "place": None if self.place is None else self.place.model_dump(mode="json"),
        }


def _times(told: Iterable[dict[str, Any]]) -> set[datetime]:
    return {moment_of(one["at"]) for one in told}


def known_of(facts: dict[str, Any]) -> Known:
    """Return what was known when these facts were kept."""
    place = facts["place"]
    return Known(
        SessionFactsView.model_validate(facts["session"]),
        None if place is None else PlaceView.model_validate(place),
    )


@dataclass(frozen=True, slots=True)
class ByTariff:
    """The version of a tariff that a session is priced by."""

    tariff_id: UUID
    version: int
    name: str
    tariff: dict[str, Any]
    assignment_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Priced:
    """A session's cost as it is shown, with what it was calculated from, and in which zone."""

    known: Known
    by: ByTariff
    cost: dict[str, Any]
    time_zone: str


def priced(known: Known, by: ByTariff) -> Priced:
    """Return what a session costs by a tariff.

    Raises:
        ValueError: something of it is not what it has to be, or its periods are too many.
    """
    try:
        facts, zone = facts_of(known.session, known.place), zone_of(known.place)
    except ZoneInfoNotFoundError as error:
        raise ValueError(str(error)) from error
    cost = shown(session_cost(facts, _read(orjson.dumps(by.tariff)), zone))
    return Priced(known, by, cost | _checked(known, cost["review"]), zone.key)


def _checked(known: Known, review: list[str]) -> dict[str, Any]:
    """Return what is said of signatures: somebody has to look where one is not right."""
    key = None if known.place is None else known.place.meter_public_key
    found = signatures(known.session.signed, key)
    if any(one.verified is False for one in found):
        review = [*review, SIGNATURE_INVALID]
    return {"signatures": [one.model_dump() for one in found], "review": review}


@lru_cache(_TARIFFS_KEPT)
def _read(document: bytes) -> Tariff:
    return read_tariff(orjson.loads(document))
