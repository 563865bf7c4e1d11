"""The pattern of a day: how busy a kind of place is at an hour, and who came to charge there.

The sessions of a connector and a day are the same whenever they are asked for: a demo that is
started again tells of the same past.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from csms_simulator.demo.vehicles import Vehicle, arriving

_HOURS = 24
_WEEKEND = 5
_PAUSE = timedelta(minutes=4)


class Rhythm(Enum):
    """How busy a kind of place is, from 0 to 1, at each hour of its own clock."""

    CITY = (1, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 9, 9, 8, 8, 8, 9, 10, 10, 9, 7, 5, 3, 2)
    OFFICE = (0, 0, 0, 0, 0, 1, 4, 9, 10, 9, 8, 8, 9, 9, 8, 7, 5, 3, 1, 1, 0, 0, 0, 0)
    MOTORWAY = (2, 1, 1, 1, 2, 3, 5, 7, 8, 9, 10, 10, 10, 9, 9, 9, 10, 10, 9, 8, 6, 5, 4, 3)
    OVERNIGHT = (9, 8, 7, 7, 6, 4, 2, 1, 1, 1, 1, 2, 2, 2, 2, 3, 4, 7, 9, 10, 10, 10, 10, 9)


def busyness(rhythm: Rhythm, local: datetime) -> float:
    """Tell how busy a place is at a time of its own clock, from 0 to 1, without steps."""
    share = local.minute / 60
    now, then = rhythm.value[local.hour], rhythm.value[(local.hour + 1) % _HOURS]
    busy = (now * (1 - share) + then * share) / 10
    return busy * 0.25 if rhythm is Rhythm.OFFICE and local.weekday() >= _WEEKEND else busy


@dataclass(frozen=True, slots=True)
class PlannedSession:
    """Somebody's stay: who that is, as a share of the cards there are, and what is charged."""

    starts_at: datetime
    ends_at: datetime
    whose: float
    vehicle: Vehicle


def sessions(
    connector: str,
    rhythm: Rhythm,
    zone: ZoneInfo,
    fast: bool,
    begin: datetime,
    end: datetime,
) -> Iterator[PlannedSession]:
    """List who came to a connector and started between two times, one after the other."""
    free_from = begin
    day, last = begin.astimezone(zone).date() - timedelta(days=1), end.astimezone(zone).date()
    while day <= last:
        for session in _of_day(connector, rhythm, zone, fast, day):
            if session.starts_at >= end:
                return
            if session.starts_at >= free_from:
                yield session
                free_from = session.ends_at + _PAUSE
        day += timedelta(days=1)


def _of_day(
    connector: str, rhythm: Rhythm, zone: ZoneInfo, fast: bool, day: date
) -> Iterator[PlannedSession]:
    chance = random.Random(f"{connector} {day}")
    visits_a_day = 9.0 if fast else 3.5
    total = sum(rhythm.value)
    for hour in range(_HOURS):
        local = datetime.combine(day, time(hour), zone)
        expected = visits_a_day * rhythm.value[hour] / total
        # Drawn whether or not the hour is used, so that one hour does not shift the next ones.
        comes, within, whose = chance.random(), chance.random(), chance.random()
        stay = _stay(chance, rhythm, fast)
        vehicle = arriving(chance, fast)
        if rhythm is Rhythm.OFFICE and day.weekday() >= _WEEKEND:
            expected *= 0.25
        if comes < 1 - math.exp(-expected):
            starts_at = local.astimezone(UTC) + timedelta(seconds=int(within * 3600))
            yield PlannedSession(starts_at, starts_at + stay, whose, vehicle)


def _stay(chance: random.Random, rhythm: Rhythm, fast: bool) -> timedelta:
    if fast:
        return timedelta(minutes=chance.randint(12, 42))
    if rhythm is Rhythm.OVERNIGHT:
        return timedelta(minutes=chance.randint(240, 540))
    return timedelta(minutes=chance.randint(45, 260))
