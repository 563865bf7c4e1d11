"""A session as a list of its seconds: for each one the local clock, the energy, the state."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

Amount = int | Fraction
SUSPENDED = "SuspendedEVSE"


class Clock(NamedTuple):
    """What a clock on the wall shows, in the words that tariffs use."""

    time: str  # 13:30
    date: str  # 2026-03-29
    weekday: str  # SUNDAY


class Second(NamedTuple):
    """One second of a session, or a part of one where the register passes a limit of the tariff.

    Energy is counted in `EnergyUnit`s, so that all of it is whole numbers.
    """

    elapsed: int  # seconds from the start of the session to the start of this second
    lasts: Amount  # 1, less for a part of a second
    clock: Clock
    energy: int  # taken before this second
    consumed: int  # taken in it
    rate: int | None  # energy per second, which is the power; None where no time passes
    current: Amount | None  # amperes, all phases together; None where nobody measured
    charging: bool  # else parked


class EnergyUnit:
    """A unit of energy so small that all energies of one calculation are whole numbers of it."""

    def __init__(self, watt_hours: Sequence[Fraction]) -> None:
        self.per_wh = lcm(*(energy.denominator for energy in watt_hours))

    def count(self, watt_hours: Fraction) -> int:
        """Give an energy (or an energy per second) in this unit."""
        counted = watt_hours * self.per_wh
        if counted.denominator != 1:
            raise ValueError(f"{watt_hours} Wh is no whole number of units")
        return counted.numerator

    def watt_hours(self, counted: int | Fraction) -> Fraction:
        """Give a count in this unit as Wh."""
        return Fraction(counted) / self.per_wh


def exact(number: object) -> Fraction:
    """Read a JSON number as the decimal that is written, not as the nearest float."""
    return Fraction(str(number))


def instant(text: str) -> int:
    """Read a time as whole seconds since 1970."""
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    if at.microsecond:
        raise ValueError(f"{text} is not at a whole second")
    return int(at.timestamp())


WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


def wall_clock(minute: int, zone: ZoneInfo) -> Clock:
    """Show a minute (counted since 1970) on a clock of the zone.

    Zones are whole minutes away from UTC (since 1972), so all seconds of a minute show the same.
    """
    local = datetime.fromtimestamp(minute * 60, zone)
    if local.second:
        raise ValueError(f"{zone} is not whole minutes away from UTC")
    return Clock(local.strftime("%H:%M"), local.strftime("%Y-%m-%d"), WEEKDAYS[local.weekday()])


def clocks(start: int, stop: int, zone_name: str) -> list[Clock]:
    """Give what the wall shows in each second from `start` up to `stop`, and at `stop`."""
    zone = ZoneInfo(zone_name)
    shown = {minute: wall_clock(minute, zone) for minute in range(start // 60, stop // 60 + 1)}
    return [shown[at // 60] for at in range(start, stop + 1)]


class Reading(NamedTuple):
    """What the register had counted since the session began."""

    elapsed: int
    watt_hours: Fraction


def duration_of(session: Mapping[str, Any]) -> int:
    """Give how long a session took; one that stops before it starts takes no time."""
    return max(0, instant(session["stopped_at"]) - instant(session["started_at"]))


def register_of(session: Mapping[str, Any]) -> list[Reading]:
    """Give the readings that can be true, between what the register was at the two ends.

    It ends with `meter_stop`; where that is missing or below `meter_start`, with the highest of
    the readings that can be true.
    """
    start, duration = instant(session["started_at"]), duration_of(session)
    meter_start, meter_stop = exact(session["meter_start"]), session["meter_stop"]
    readings = [
        Reading(instant(reading["at"]) - start, exact(reading["energy_wh"]) - meter_start)
        for reading in session["readings"]
    ]
    possible = [r for r in readings if 0 <= r.elapsed <= duration and r.watt_hours >= 0]
    if meter_stop is not None and exact(meter_stop) >= meter_start:
        rise = exact(meter_stop) - meter_start
    else:
        rise = max((reading.watt_hours for reading in possible), default=Fraction(0))
    register = [Reading(0, Fraction(0))]
    # The highest of one instant first: the register only ever rises.
    for reading in sorted(possible, key=lambda reading: (reading.elapsed, -reading.watt_hours)):
        before = register[-1]
        in_time = before.elapsed < reading.elapsed < duration
        if in_time and before.watt_hours <= reading.watt_hours <= rise:
            register.append(reading)
    register.append(Reading(duration, rise))
    return register


def status_per_second(session: Mapping[str, Any], duration: int) -> list[str]:
    """Give what the station said of itself in each second; nothing before it said anything.

    Of two things said at once, SuspendedEVSE holds.
    """
    start = instant(session["started_at"])
    said = [""] * duration
    for at, _, status in sorted(
        (instant(change["at"]), change["status"] == SUSPENDED, change["status"])
        for change in session["status"]
    ):
        since = min(max(at - start, 0), duration)
        said[since:] = [status] * (duration - since)
    return said


def current_per_second(session: Mapping[str, Any], duration: int) -> list[Fraction | None]:
    """Give the current that was measured last in each second, before the first sample the first.

    Of two samples at once, the higher holds.
    """
    start = instant(session["started_at"])
    samples = sorted(
        (instant(sample["at"]) - start, exact(sample["amperes"]))
        for sample in session.get("currents", ())
    )
    first = max((amperes for at, amperes in samples if at == samples[0][0]), default=None)
    measured: list[Fraction | None] = [first] * duration
    for at, amperes in samples:
        since = min(max(at, 0), duration)
        measured[since:] = [amperes] * (duration - since)
    return measured


def energies_of(register: Sequence[Reading]) -> list[Fraction]:
    """Give each energy and each energy per second that a walk over the register meets."""
    met = [reading.watt_hours for reading in register]
    for before, after in pairwise(register):
        if after.elapsed > before.elapsed:
            rise = after.watt_hours - before.watt_hours
            met.append(rise / (after.elapsed - before.elapsed))
    return met


def seconds_of(
    session: Mapping[str, Any], register: Sequence[Reading], unit: EnergyUnit
) -> list[Second]:
    """Walk the session. Energy between two readings is spread evenly over the time between.

    Without a rise of the register the car is parked, except while the station says SuspendedEVSE:
    then the car would charge, and the station does not let it. Nothing flows then: power and
    current are 0.
    """
    start, duration = instant(session["started_at"]), duration_of(session)
    shown = clocks(start, start + duration, session["time_zone"])
    status = status_per_second(session, duration)
    measured = current_per_second(session, duration)
    seconds = []
    for before, after in pairwise(register):
        lasting = after.elapsed - before.elapsed
        energy = unit.count(before.watt_hours)
        rise = unit.count(after.watt_hours) - energy
        if lasting == 0:  # A session that stops in the second in which it starts.
            known = None if rise else 0
            seconds.append(Second(0, 0, shown[0], 0, rise, known, known, charging=rise > 0))
            continue
        rate = rise // lasting
        for elapsed in range(before.elapsed, after.elapsed):
            charging = rate > 0 or status[elapsed] == SUSPENDED
            current = measured[elapsed] if rate else 0
            seconds.append(
                Second(elapsed, 1, shown[elapsed], energy, rate, rate, current, charging)
            )
            energy += rate
    return seconds


def cut_at(limits: Sequence[int], seconds: Sequence[Second]) -> list[Second]:
    """Cut the seconds in which the register passes a limit (from the lowest up) where it does."""
    parts = []
    for second in seconds:
        rest = second
        for limit in limits:
            if rest.energy < limit < rest.energy + rest.consumed:
                taken = limit - rest.energy
                lasts = Fraction(taken, second.consumed) * second.lasts
                parts.append(rest._replace(lasts=lasts, consumed=taken))
                rest = rest._replace(
                    lasts=rest.lasts - lasts, energy=limit, consumed=rest.consumed - taken
                )
        parts.append(rest)
    return parts
