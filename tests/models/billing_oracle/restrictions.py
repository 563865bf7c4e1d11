"""When a tariff element applies: its restrictions, judged for each second alone.

OCPI 2.2.1, mod_tariffs, TariffRestrictions class. Nothing carries over from one second to the
next: all restrictions that are given must hold in a second, or the element is inactive in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from tests.models.billing_oracle.seconds import EnergyUnit, Second, exact


def given(element: Mapping[str, Any]) -> dict[str, Any]:
    """Give the restrictions of an element that say something."""
    restrictions = element.get("restrictions") or {}
    return {name: limit for name, limit in restrictions.items() if limit not in (None, [])}


def energy_limits(elements: Iterable[Mapping[str, Any]]) -> list[Fraction]:
    """Give the limits of consumed energy, in Wh, from the lowest up."""
    return sorted(
        exact(limit) * 1000
        for element in elements
        for name, limit in given(element).items()
        if name in ("min_kwh", "max_kwh")
    )


def power_limits(elements: Iterable[Mapping[str, Any]]) -> list[Fraction]:
    """Give the limits of power, in Wh per second."""
    return [
        per_second(limit)
        for element in elements
        for name, limit in given(element).items()
        if name in ("min_power", "max_power")
    ]


def per_second(kilowatts: object) -> Fraction:
    """Give a power as Wh per second."""
    return exact(kilowatts) * 1000 / 3600


def within_hours(time: str, start: str, end: str) -> bool:
    """Tell if a time of day is in hours that may wrap around midnight; 00:00 ends the day.

    Hours that end when they begin are the whole day.
    """
    if end == "00:00":
        end = "24:00"
    if end <= start:
        return time >= start or time < end
    return start <= time < end


def active(element: Mapping[str, Any], seconds: Sequence[Second], unit: EnergyUnit) -> list[bool]:
    """Tell for each second if the element's restrictions hold (`reservation` is not looked at)."""
    limits = given(element)
    holds = [[True] * len(seconds)]

    if "start_time" in limits or "end_time" in limits:
        start, end = limits.get("start_time", "00:00"), limits.get("end_time", "00:00")
        holds.append([within_hours(second.clock.time, start, end) for second in seconds])
    if "start_date" in limits:
        first_date = limits["start_date"]
        holds.append([second.clock.date >= first_date for second in seconds])
    if "end_date" in limits:
        end_date = limits["end_date"]
        holds.append([second.clock.date < end_date for second in seconds])
    if "day_of_week" in limits:
        weekdays = limits["day_of_week"]
        holds.append([second.clock.weekday in weekdays for second in seconds])

    if "min_kwh" in limits:
        least = unit.count(exact(limits["min_kwh"]) * 1000)
        holds.append([second.energy >= least for second in seconds])
    if "max_kwh" in limits:
        most = unit.count(exact(limits["max_kwh"]) * 1000)
        holds.append([second.energy < most for second in seconds])

    if "min_power" in limits:
        least = unit.count(per_second(limits["min_power"]))
        holds.append([second.rate is not None and second.rate >= least for second in seconds])
    if "max_power" in limits:
        most = unit.count(per_second(limits["max_power"]))
        holds.append([second.rate is not None and second.rate < most for second in seconds])

    if "min_current" in limits:
        amperes = exact(limits["min_current"])
        holds.append([s.current is not None and s.current >= amperes for s in seconds])
    if "max_current" in limits:
        amperes = exact(limits["max_current"])
        holds.append([s.current is not None and s.current < amperes for s in seconds])

    if "min_duration" in limits:
        shortest = limits["min_duration"]
        holds.append([second.elapsed >= shortest for second in seconds])
    if "max_duration" in limits:
        longest = limits["max_duration"]
        holds.append([second.elapsed < longest for second in seconds])

    return [all(column) for column in zip(*holds, strict=True)]
