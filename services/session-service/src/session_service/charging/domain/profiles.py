"""Charging profiles: limits over time, and which of them a station holds (OCPP 1.6, 3.13).

Limits are exact decimals, in the schedule's unit: amperes per phase, or watts in all. Times are
aware datetimes; schedules count in whole seconds, and days and weeks are 86,400 and 604,800 of
them, whatever a clock on the wall does (3.13.7 leaves daylight saving to special profiles).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum


class Purpose(StrEnum):
    """What a profile limits: the station as a whole, any transaction, or one transaction."""

    STATION_MAX = "station_max"
    TX_DEFAULT = "tx_default"
    TX = "tx"


class Kind(StrEnum):
    """What the periods of a schedule count from."""

    ABSOLUTE = "absolute"
    RECURRING = "recurring"
    RELATIVE = "relative"


class Recurrence(StrEnum):
    """How often a recurring schedule starts again."""

    DAILY = "daily"
    WEEKLY = "weekly"


class RateUnit(StrEnum):
    """Unit of limits: amperes per phase, or watts of all phases together (7.12)."""

    AMPERE = "A"
    WATT = "W"


RECURRENCE_S = {Recurrence.DAILY: 86_400, Recurrence.WEEKLY: 604_800}


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit; `phases` is None where the profile leaves the number open."""

    value: Decimal
    phases: int | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Limits over time.

    `starts` are the periods' ascending first seconds from the schedule's start, beginning with 0;
    `limits` are as many. A schedule without `duration_s` keeps its last limit.
    """

    unit: RateUnit
    starts: tuple[int, ...]
    limits: tuple[Limit, ...]
    start_at: datetime | None = None
    duration_s: int | None = None
    min_rate: Decimal | None = None

    def limit_at(self, second: int) -> Limit | None:
        """Return the limit at this second of the schedule, None outside of it."""
        if second < 0 or (self.duration_s is not None and second >= self.duration_s):
            return None
        index = bisect_right(self.starts, second) - 1
        return self.limits[index] if index >= 0 else None


@dataclass(frozen=True, slots=True)
class Profile:
    """A charging profile as a station holds it for one connector; connector 0 is the station."""

    profile_id: int
    connector_id: int
    purpose: Purpose
    kind: Kind
    stack_level: int
    schedule: Schedule
    recurrence: Recurrence | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    transaction_id: int | None = None

    def anchor(self, charging_since: datetime) -> datetime:
        """Return the time that second 0 of the schedule is at.

        A schedule without a start is relative to the start of charging, whatever its kind (7.13);
        a relative one is so even with a start (7.9).
        """
        if self.kind is Kind.RELATIVE or self.schedule.start_at is None:
            return charging_since
        return self.schedule.start_at

    def limit_at(self, at: datetime, charging_since: datetime) -> Limit | None:
        """Return what this profile allows at a time, None where it says nothing.

        It says nothing before `valid_from`, from `valid_to` on, before its schedule begins, and
        between the end of its duration and its next recurrence: there a lower stack level takes
        over (5.16.4). What of a schedule reaches past its recurrence never comes (errata 3.44).
        """
        if self.valid_from is not None and at < self.valid_from:
            return None
        if self.valid_to is not None and at >= self.valid_to:
            return None
        second = (at - self.anchor(charging_since)) // timedelta(seconds=1)
        if self.recurrence is not None and second >= 0:
            second %= RECURRENCE_S[self.recurrence]
        return self.schedule.limit_at(second)

    def changes(self, charging_since: datetime, start: datetime, duration_s: int) -> Iterator[int]:
        """Return every second after `start` at which what this profile allows may change.

        What changes between two whole seconds is found at the second of them.
        """
        for edge in (self.valid_from, self.valid_to):
            if edge is not None:
                yield from _within((seconds_between(start, edge),), duration_s)
        steps = list(self.schedule.starts)
        if self.schedule.duration_s is not None:
            steps.append(self.schedule.duration_s)
        anchor_s = seconds_between(start, self.anchor(charging_since))
        if self.recurrence is None:
            yield from _within((anchor_s + step for step in steps), duration_s)
            return
        period_s = RECURRENCE_S[self.recurrence]
        steps = [step for step in steps if step < period_s]
        for round_s in range(
            anchor_s + max(0, -anchor_s // period_s) * period_s, duration_s, period_s
        ):
            yield from _within((round_s + step for step in steps), duration_s)


def seconds_between(start: datetime, end: datetime) -> int:
    """Return the seconds from `start` to `end`, rounded up to whole ones."""
    return -((start - end) // timedelta(seconds=1))


def _within(seconds: Iterable[int], duration_s: int) -> Iterator[int]:
    return (second for second in seconds if 0 <= second < duration_s)


@dataclass(frozen=True, slots=True)
class ClearFilter:
    """What a ClearChargingProfile asks to remove; None matches everything."""

    profile_id: int | None = None
    connector_id: int | None = None
    purpose: Purpose | None = None
    stack_level: int | None = None

    def matches(self, profile: Profile) -> bool:
        """Tell whether the profile goes: all fields given must match; an id decides alone.

        Source: OCPP 1.6 errata 3.25 and 3.26.
        """
        if self.profile_id is not None:
            return profile.profile_id == self.profile_id
        return (
            self.connector_id in (None, profile.connector_id)
            and self.purpose in (None, profile.purpose)
            and self.stack_level in (None, profile.stack_level)
        )


def replaces(new: Profile, old: Profile) -> bool:
    """Tell whether a station that accepts `new` drops `old` (OCPP 1.6, 5.16.3 and 5.16.4).

    The same id does, wherever it is installed, and so does the same purpose and stack level on
    the same connector: a default of connector 0 stays for the other connectors when one of them
    gets its own (3.13.1). Profiles of two transactions have nothing to do with each other.
    """
    if new.profile_id == old.profile_id:
        return True
    return (
        new.purpose is old.purpose
        and new.stack_level == old.stack_level
        and new.connector_id == old.connector_id
        and (new.purpose is not Purpose.TX or new.transaction_id == old.transaction_id)
    )


def in_force(profiles: Iterable[Profile], connector_id: int, purpose: Purpose) -> list[Profile]:
    """Return the profiles of a purpose that concern a connector, highest stack level first.

    Of a stack level, a connector's own default stands in for the one of connector 0 all the time,
    also while it is not valid (3.13.1, 3.13.2).
    """
    levels: dict[int, Profile] = {}
    for profile in profiles:
        if profile.purpose is not purpose:
            continue
        if purpose is not Purpose.STATION_MAX and profile.connector_id not in (0, connector_id):
            continue
        rival = levels.get(profile.stack_level)
        if rival is None or rival.connector_id == 0:
            levels[profile.stack_level] = profile
    return [levels[level] for level in sorted(levels, reverse=True)]
