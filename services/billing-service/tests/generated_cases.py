"""Sessions and tariffs of any kind, for tests of what holds of all."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from billing_cases import METER, element, price, tariff
from hypothesis import settings
from hypothesis import strategies as st

from billing_service.costs.domain.facts import (
    CurrentSample,
    Reading,
    ReservationFacts,
    SessionFacts,
    StatusChange,
)
from billing_service.tariffs.domain.tariff import DayOfWeek, Dimension, Tariff

# How long an example takes says nothing on a busy machine.
UNHURRIED = settings(deadline=None, max_examples=200)
# Around both changes of the clock, and where there are none.
STARTS = st.datetimes(datetime(2026, 3, 27), datetime(2026, 3, 30)) | st.datetimes(
    datetime(2026, 10, 23), datetime(2026, 10, 26)
)
ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("Europe/Berlin", "UTC", "America/St_Johns", "Asia/Kathmandu")]
)
TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
DAYS = st.lists(st.sampled_from(list(DayOfWeek)), unique=True, max_size=4)
SECONDS = st.integers(0, 3 * 86400)


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return some of these fields, or none."""
    return st.fixed_dictionaries({}, optional=fields)


PRICES = st.integers(0, 50_000).map(lambda number: number / 10_000)
RATES = st.none() | st.sampled_from([0, 5.2, 10, 19, 20])
COMPONENTS = st.lists(
    st.builds(
        price, st.sampled_from(list(Dimension)), PRICES, RATES, st.sampled_from([0, 1, 60, 900])
    ),
    min_size=1,
    unique_by=lambda component: component["type"],
)
BY_THE_CLOCK = _some(start_time=TIMES, end_time=TIMES, day_of_week=DAYS)
BY_POWER = st.just({}) | st.sampled_from(
    [{"min_power": 3.7}, {"max_power": 11}, {"min_power": 3.7, "max_power": 22}]
)
BY_THE_SESSION = st.just({}) | st.sampled_from(
    [
        {"min_kwh": 5},
        {"max_kwh": 7.5},
        {"min_duration": 1800},
        {"max_duration": 3600},
        {"min_current": 16},
        {"max_current": 16},
    ]
)
LIMITS = st.builds(
    lambda *parts: {key: one[key] for one in parts for key in one},
    BY_THE_CLOCK,
    BY_POWER,
    BY_THE_SESSION,
)
RESERVED = st.builds(
    lambda amount, limits: element(
        price("TIME", amount, 20, 300), **limits, reservation="RESERVATION"
    ),
    PRICES,
    BY_THE_CLOCK,
)


def _element(components: list[dict[str, Any]], limits: dict[str, Any]) -> dict[str, Any]:
    return element(*components, **limits)


ELEMENTS = st.lists(st.builds(_element, COMPONENTS, LIMITS) | RESERVED, min_size=1, max_size=6)


def _priced(elements: list[dict[str, Any]], limits: dict[str, Any], code: str) -> Tariff:
    return tariff(*elements, **limits, currency=code)


TARIFFS = st.builds(
    _priced,
    ELEMENTS,
    _some(
        min_price=st.sampled_from([{"excl_vat": 1}, {"excl_vat": 1, "incl_vat": 2}]),
        max_price=st.sampled_from([{"excl_vat": 9}, {"excl_vat": 9, "incl_vat": 10}]),
    ),
    st.sampled_from(["EUR", "JPY", "KWD"]),
)


@st.composite
def sessions(draw: st.DrawFn) -> SessionFacts:
    """Return a session of up to three days."""
    start = draw(STARTS).replace(tzinfo=UTC)
    lasts = draw(SECONDS)

    def moments() -> st.SearchStrategy[datetime]:
        return st.integers(-600, lasts + 600).map(lambda second: start + timedelta(seconds=second))

    energy = draw(st.integers(-100, 80_000))
    readings = st.builds(Reading, moments(), st.integers(METER - 500, METER + max(energy, 0) + 500))
    statuses = st.builds(
        StatusChange, moments(), st.sampled_from(["Charging", "SuspendedEV", "SuspendedEVSE"])
    )
    reserved = st.builds(
        lambda seconds: ReservationFacts(start - timedelta(seconds=seconds), start),
        st.integers(0, 7200),
    )
    return SessionFacts(
        start,
        start + timedelta(seconds=lasts),
        METER,
        draw(st.none() | st.just(METER + energy)),
        tuple(draw(st.lists(readings, max_size=12))),
        tuple(draw(st.lists(statuses, max_size=6))),
        tuple(draw(st.lists(st.builds(CurrentSample, moments(), st.integers(0, 63)), max_size=4))),
        reservation=draw(st.none() | reserved),
    )
