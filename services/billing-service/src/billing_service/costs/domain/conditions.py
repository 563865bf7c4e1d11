"""When the elements of a tariff hold.

Everything that a restriction compares with has levels, those that any restriction names. Between
two levels nothing changes: it is enough to know in which band a value lies, counted from below.
Lower bounds belong to the band above, as OCPI includes minima and excludes maxima.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from billing_service.costs.domain.exact import Exact
from billing_service.tariffs.domain.tariff import (
    DayOfWeek,
    Dimension,
    PriceComponent,
    TariffElement,
    TariffRestrictions,
)

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
WH = 1000
_WEEKDAYS = {name: number for number, name in enumerate(DayOfWeek)}
_EPOCH_DAY = 719_163  # of 1970-01-01, as Python counts the days of the calendar


class Bands:
    """The levels of one measure."""

    def __init__(self, levels: Iterable[Exact | None]) -> None:
        self.levels: tuple[Exact, ...] = tuple(sorted({one for one in levels if one is not None}))

    def of(self, value: Exact) -> int:
        """Return the band in which a value lies."""
        return bisect_right(self.levels, value)


class Now(NamedTuple):
    """The bands of a moment. Power and current may be unknown: then nothing that asks matches."""

    weekday: int
    day: int
    time_of_day: int
    energy: int
    duration: int
    power: int | None
    current: int | None


class Applied(NamedTuple):
    """A price that holds: the component, its element, and exact factors to calculate with."""

    element: int
    component: PriceComponent
    price: Fraction


Active = Mapping[Dimension, Applied]
_Test = Callable[[Now], bool]


@dataclass(frozen=True, slots=True)
class _Element:
    tests: tuple[_Test, ...]
    applied: Mapping[Dimension, Applied]


class Conditions:
    """Some elements of a tariff in the order in which they are looked through."""

    def __init__(self, elements: Iterable[tuple[int, TariffElement]]) -> None:
        given = list(elements)
        limits = [element.restrictions for _, element in given]
        self.times_of_day = Bands(
            _time_of_day(text) for one in limits for text in (one.start_time, one.end_time)
        )
        self.days = Bands(_day(day) for one in limits for day in (one.start_date, one.end_date))
        self.energy = Bands(_wh(kwh) for one in limits for kwh in (one.min_kwh, one.max_kwh))
        self.durations = Bands(
            _microseconds(seconds)
            for one in limits
            for seconds in (one.min_duration, one.max_duration)
        )
        self.powers = Bands(_exact(kw) for one in limits for kw in (one.min_power, one.max_power))
        self.currents = Bands(
            _exact(amperes) for one in limits for amperes in (one.min_current, one.max_current)
        )
        self._elements = [
            _Element(tuple(self._tests(element.restrictions)), _applied(number, element))
            for number, element in given
        ]
        self._known: dict[Now, Active] = {}
        # One object for equal prices, so that neighbours are told apart by identity.
        self._distinct: dict[tuple[tuple[Dimension, int], ...], Active] = {}

    def active(self, now: Now) -> Active:
        """Return the price of each dimension: that of the first element that matches and has it."""
        found = self._known.get(now)
        if found is None:
            prices: dict[Dimension, Applied] = {}
            for element in self._elements:
                if all(test(now) for test in element.tests):
                    prices = {**element.applied, **prices}
            key = tuple((type_, prices[type_].element) for type_ in Dimension if type_ in prices)
            found = self._known[now] = self._distinct.setdefault(key, prices)
        return found

    @cached_property
    def asks_for_power(self) -> bool:
        """Whether any of it depends on power."""
        return bool(self.powers.levels)

    @cached_property
    def asks_for_current(self) -> bool:
        """Whether any of it depends on current."""
        return bool(self.currents.levels)

    def _tests(self, limits: TariffRestrictions) -> Iterable[_Test]:
        if limits.day_of_week:
            weekdays = frozenset(_WEEKDAYS[day] for day in limits.day_of_week)
            yield lambda now: now.weekday in weekdays
        yield from _within(
            lambda now: now.day, self.days, _day(limits.start_date), _day(limits.end_date)
        )
        yield from self._times_of_day(limits)
        yield from _within(
            lambda now: now.energy, self.energy, _wh(limits.min_kwh), _wh(limits.max_kwh)
        )
        yield from _within(
            lambda now: now.duration,
            self.durations,
            _microseconds(limits.min_duration),
            _microseconds(limits.max_duration),
        )
        yield from _within(
            lambda now: now.power, self.powers, _exact(limits.min_power), _exact(limits.max_power)
        )
        yield from _within(
            lambda now: now.current,
            self.currents,
            _exact(limits.min_current),
            _exact(limits.max_current),
        )

    def _times_of_day(self, limits: TariffRestrictions) -> Iterable[_Test]:
        start, end = _time_of_day(limits.start_time) or 0, _time_of_day(limits.end_time) or 0
        first, last = self.times_of_day.of(start), self.times_of_day.of(end)
        if start < end:
            yield lambda now: first <= now.time_of_day < last
        elif end == 0 and start > 0:
            yield lambda now: first <= now.time_of_day
        elif start > end:
            yield lambda now: first <= now.time_of_day or now.time_of_day < last


def _within(
    band: Callable[[Now], int | None], bands: Bands, least: Exact | None, most: Exact | None
) -> Iterable[_Test]:
    if least is not None:
        first = bands.of(least)
        yield lambda now: (at := band(now)) is not None and first <= at
    if most is not None:
        last = bands.of(most)
        yield lambda now: (at := band(now)) is not None and at < last


def _applied(number: int, element: TariffElement) -> Mapping[Dimension, Applied]:
    return {
        component.type: Applied(number, component, Fraction(component.price))
        for component in element.price_components
    }


def _time_of_day(text: str | None) -> int | None:
    if text is None:
        return None
    hours, minutes = text.split(":")
    return (int(hours) * 60 + int(minutes)) * MINUTE


def _day(day: date | None) -> int | None:
    return None if day is None else day.toordinal() - _EPOCH_DAY


def _exact(number: Decimal | None) -> Exact | None:
    return None if number is None else Fraction(number)


def _wh(kwh: Decimal | None) -> Exact | None:
    return None if kwh is None else Fraction(kwh) * WH


def _microseconds(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * SECOND
