"""What other services know of a session, as the facts that its cost is calculated from."""

from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from billing_service.costs.domain.exact import Exact
from billing_service.costs.domain.facts import (
    CurrentSample,
    Reading,
    ReservationFacts,
    SessionFacts,
    StatusChange,
)
from csms_shared.contracts.reservations import ReservationStatus
from csms_shared.contracts.session_facts import PlaceView, ReservationFactsView, SessionFactsView
from csms_shared.values.times import parse_time

WITHOUT_ZONE = "UTC"


def moment_of(text: str) -> datetime:
    """Read a time that another service has written, to the microsecond.

    Raises:
        ValueError: nothing can have happened then.
    """
    told = parse_time(text)
    if told is None or told.at is None:
        raise ValueError(f"nothing can have happened at {text[:100]}")
    return told.at


def facts_of(known: SessionFactsView, place: PlaceView | None) -> SessionFacts:
    """Return the facts of a session. One that goes on is paid up to its last reading.

    Raises:
        ValueError: a number or a time is none.
    """
    started_at = moment_of(known.started_at)
    readings = tuple(Reading(moment_of(one.at), _exact(one.energy_wh)) for one in known.readings)
    return SessionFacts(
        started_at=started_at,
        stopped_at=moment_of(known.stopped_at)
        if known.stopped_at is not None
        else max((started_at, *(one.at for one in readings))),
        meter_start_wh=known.meter_start,
        meter_stop_wh=known.meter_stop,
        readings=readings,
        statuses=tuple(
            StatusChange(moment_of(one.at), one.status)
            for one in (() if place is None else place.statuses)
        ),
        currents=tuple(
            CurrentSample(moment_of(one.at), _exact(one.amperes)) for one in known.currents
        ),
        flags=frozenset(known.flags),
        reservation=None
        if known.reservation is None
        else ReservationFacts(moment_of(known.reservation.reserved_at), started_at),
    )


def facts_of_reservation(known: ReservationFactsView) -> ReservationFacts:
    """Return the facts of a reservation that nobody used.

    Raises:
        ValueError: a time is none.
    """
    started_at = moment_of(known.started_at)
    return ReservationFacts(
        started_at,
        started_at if known.stopped_at is None else moment_of(known.stopped_at),
        known.status == ReservationStatus.EXPIRED,
    )


def was_held_unused(known: ReservationFactsView) -> bool:
    """Tell whether a connector was kept for a while for somebody who did not come."""
    went_unused = known.status in (ReservationStatus.EXPIRED, ReservationStatus.CANCELLED)
    if not (known.was_held and went_unused and known.stopped_at is not None):
        return False
    # As texts, which are of one length: an operator may have wanted it until the year 1.
    return known.started_at < known.stopped_at


def zone_of(place: PlaceView | None) -> ZoneInfo:
    """Return the time zone of a session's place.

    Raises:
        ZoneInfoNotFoundError: nobody knows such a zone.
    """
    return ZoneInfo(WITHOUT_ZONE if place is None else place.time_zone or WITHOUT_ZONE)


def _exact(text: str) -> Exact:
    number = Fraction(text)
    return int(number) if number.denominator == 1 else number
