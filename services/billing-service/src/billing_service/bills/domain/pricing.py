"""From what is known of a session or a reservation to what it costs, or why nobody can say."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

import orjson

from billing_service.bills.domain.facts import (
    facts_of,
    facts_of_reservation,
    moment_of,
    was_held_unused,
    zone_of,
)
from billing_service.bills.domain.subject import number_of_reservation
from billing_service.cdrs.domain.signed import SIGNATURE_INVALID, signatures
from billing_service.costs.domain.reservation_cost import reservation_cost
from billing_service.costs.domain.session_cost import session_cost
from billing_service.costs.domain.shown import shown
from billing_service.tariffs.domain.reading import read_tariff
from billing_service.tariffs.domain.tariff import Tariff
from csms_shared.contracts.session_facts import PlaceView, ReservationFactsView, SessionFactsView

# The station gave it up, or another reservation came instead: nobody but a person can tell whether
# it is to be paid.
RESERVATION_GIVEN_UP = "reservation_given_up"
_TARIFFS_KEPT = 1000
Subject = SessionFactsView | ReservationFactsView


@dataclass(frozen=True, slots=True)
class Known:
    """What other services know of a session, or of a reservation."""

    subject: Subject
    place: PlaceView | None

    @property
    def number(self) -> int:
        """Return what it is kept by."""
        if isinstance(self.subject, ReservationFactsView):
            return number_of_reservation(self.subject.reservation_id)
        return self.subject.transaction_id

    @property
    def revision(self) -> int:
        """Return that of a session's end; a reservation has none, and counts as told once."""
        return self.subject.revision if isinstance(self.subject, SessionFactsView) else 1

    @property
    def is_billable(self) -> bool:
        """Tell whether it is paid for: a reservation only where it was held and nobody came."""
        return isinstance(self.subject, SessionFactsView) or was_held_unused(self.subject)

    def measured_at(self) -> datetime:
        """Return up to when a session that goes on is paid: its last reading, else its start."""
        readings = self.subject.readings if isinstance(self.subject, SessionFactsView) else []
        return max(map(moment_of, [self.subject.started_at, *(one.at for one in readings)]))

    def size(self) -> int:
        """Return how much is known: what takes long to calculate is more."""
        if not isinstance(self.subject, SessionFactsView):
            return 0
        session, place = self.subject, self.place
        statuses = () if place is None else place.statuses
        return sum(map(len, (session.readings, session.currents, session.signed, statuses)))

    def has_lost(self, before: dict[str, Any]) -> bool:
        """Tell whether something of facts that were kept is deleted by now, as it is old."""
        if not isinstance(self.subject, SessionFactsView):
            return False
        now = self.facts()
        if not self.subject.values_complete and any(
            not _times(before["session"][kind]) <= _times(now["session"][kind])
            for kind in ("readings", "currents", "signed")
        ):
            return True
        # Statuses are only added, and deleted when they are old. The first held when it began.
        begins = moment_of(self.subject.started_at)
        then, told = (_times((one["place"] or {}).get("statuses", [])) for one in (before, now))
        has_lost_first = any(at <= begins for at in then) and not any(at <= begins for at in told)
        return has_lost_first or not {at for at in then if at > begins} <= told

    def facts(self) -> dict[str, Any]:
        """Return all of it as JSON, to calculate the same from it again."""
        kind = "session" if isinstance(self.subject, SessionFactsView) else "reservation"
        return {
            kind: self.subject.model_dump(mode="json"),
            "place": None if self.place is None else self.place.model_dump(mode="json"),
        }


def _times(told: Iterable[dict[str, Any]]) -> set[datetime]:
    return {moment_of(one["at"]) for one in told}


def known_of(facts: dict[str, Any]) -> Known:
    """Return what was known when these facts were kept."""
    place = facts["place"]
    subject: Subject
    if "reservation" in facts:
        subject = ReservationFactsView.model_validate(facts["reservation"])
    else:
        subject = SessionFactsView.model_validate(facts["session"])
    return Known(subject, None if place is None else PlaceView.model_validate(place))


@dataclass(frozen=True, slots=True)
class ByTariff:
    """The version of a tariff that a session or a reservation is priced by."""

    tariff_id: UUID
    version: int
    name: str
    tariff: dict[str, Any]
    assignment_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Priced:
    """A cost as it is shown, with what it was calculated from, and in which zone."""

    known: Known
    by: ByTariff
    cost: dict[str, Any]
    time_zone: str

    @property
    def costs_nothing(self) -> bool:
        """Tell whether there is nothing to pay."""
        return not any(Decimal(self.cost[name]) for name in ("total_excl_vat", "total_incl_vat"))


def priced(known: Known, by: ByTariff) -> Priced:
    """Return what a session or a reservation costs by a tariff.

    Raises:
        ValueError: something of it is not what it has to be, or its periods are too many.
    """
    try:
        zone = zone_of(known.place)
    except ZoneInfoNotFoundError as error:
        raise ValueError(str(error)) from error
    tariff = _read(orjson.dumps(by.tariff))
    if isinstance(known.subject, ReservationFactsView):
        cost = shown(reservation_cost(facts_of_reservation(known.subject), tariff, zone))
        given_up = [] if known.subject.reason is None else [RESERVATION_GIVEN_UP]
        checked = {"signatures": [], "review": [*cost["review"], *given_up]}
    else:
        cost = shown(session_cost(facts_of(known.subject, known.place), tariff, zone))
        checked = _checked(known.subject, known.place, cost["review"])
    return Priced(known, by, cost | checked, zone.key)


def _checked(
    session: SessionFactsView, place: PlaceView | None, review: list[str]
) -> dict[str, Any]:
    """Return what is said of signatures: somebody has to look where one is not right."""
    key = None if place is None else place.meter_public_key
    found = signatures(session.signed, key)
    if any(one.verified is False for one in found):
        review = [*review, SIGNATURE_INVALID]
    return {"signatures": [one.model_dump() for one in found], "review": review}


@lru_cache(_TARIFFS_KEPT)
def _read(document: bytes) -> Tariff:
    return read_tariff(orjson.loads(document))
