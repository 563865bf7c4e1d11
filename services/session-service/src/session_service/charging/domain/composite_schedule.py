"""Our own computation of a composite schedule (OCPP 1.6, 3.13.3, 5.7).

Assumptions where the specification leaves the choice:

- watts and amperes are converted for alternating current, by the nominal voltage and the period's
  phases, 3 where it names none (7.12);
- a transaction that has a profile of its own has no default, also while its own says nothing and
  so limits nothing (3.13.1: the default "in case no profile of purpose TxProfile is provided");
- on a connector without a transaction, charging is taken to start with the schedule;
- connector 0 shows the limit of the station as a whole, not what its connectors may add up to.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from session_service.charging.domain.profiles import (
    Limit,
    Profile,
    Purpose,
    RateUnit,
    in_force,
)

ASSUMED_PHASES = 3
NOMINAL_VOLTAGE = 230


@dataclass(frozen=True, slots=True)
class StationPeriod:
    """A period of a station's own schedule, from a second of it; None: the station left it out."""

    start_s: int | None
    limit: float | None


@dataclass(frozen=True, slots=True)
class StationSchedule:
    """A station's own composite schedule, as far as it says; limits in the schedule's unit."""

    start_at: datetime | None
    duration_s: int | None
    unit: RateUnit | None
    periods: tuple[StationPeriod, ...]


@dataclass(frozen=True, slots=True)
class CompositePeriod:
    """From `start_s` seconds after the schedule's start; `limit` None is no limit at all."""

    start_s: int
    limit: Decimal | None
    phases: int | None = None


@dataclass(frozen=True, slots=True)
class CompositeSchedule:
    """What a connector may draw over time; neighbouring periods always differ."""

    start_at: datetime
    duration_s: int
    unit: RateUnit
    periods: tuple[CompositePeriod, ...]
    min_rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Charging:
    """The connector asked about, and since when and in which transaction it charges."""

    connector_id: int
    transaction_id: int | None = None
    since: datetime | None = None


def composite_schedule(
    profiles: Iterable[Profile],
    charging: Charging,
    start_at: datetime,
    duration_s: int,
    unit: RateUnit,
    voltage: int = NOMINAL_VOLTAGE,
) -> CompositeSchedule:
    """Merge the profiles of a station into what one connector may draw.

    The schedule is sampled at whole seconds from `start_at`: what begins between two of them
    counts from the second one.
    """
    stacks = _stacks(profiles, charging)
    since = charging.since or start_at
    seconds = {0} | {
        second
        for stack in stacks.values()
        for profile in stack
        for second in profile.changes(since, start_at, duration_s)
    }
    periods: list[CompositePeriod] = []
    contributing: set[Profile] = set()
    for second in sorted(seconds):
        at = start_at + timedelta(seconds=second)
        found = _merged(stacks, at, since)
        contributing.update(profile for profile, _ in found)
        period = CompositePeriod(second, *_lowest(found, unit, voltage))
        if not periods or (period.limit, period.phases) != (periods[-1].limit, periods[-1].phases):
            periods.append(period)
    return CompositeSchedule(
        start_at, duration_s, unit, tuple(periods), _min_rate(contributing, unit, voltage)
    )


def _stacks(profiles: Iterable[Profile], charging: Charging) -> dict[Purpose, list[Profile]]:
    known = list(profiles)
    connector_id = charging.connector_id
    stacks = {Purpose.STATION_MAX: in_force(known, connector_id, Purpose.STATION_MAX)}
    if connector_id == 0:
        return stacks
    if charging.transaction_id is not None:
        own = [profile for profile in known if profile.transaction_id == charging.transaction_id]
        stacks[Purpose.TX] = in_force(own, connector_id, Purpose.TX)
    if not stacks.get(Purpose.TX):
        stacks[Purpose.TX_DEFAULT] = in_force(known, connector_id, Purpose.TX_DEFAULT)
    return stacks


def _merged(
    stacks: dict[Purpose, list[Profile]], at: datetime, since: datetime
) -> list[tuple[Profile, Limit]]:
    found = [_prevailing(stack, at, since) for stack in stacks.values()]
    return [prevailing for prevailing in found if prevailing is not None]


def _prevailing(
    stack: Sequence[Profile], at: datetime, since: datetime
) -> tuple[Profile, Limit] | None:
    for profile in stack:
        limit = profile.limit_at(at, since)
        if limit is not None:
            return profile, limit
    return None


def _lowest(
    found: Sequence[tuple[Profile, Limit]], unit: RateUnit, voltage: int
) -> tuple[Decimal | None, int | None]:
    if not found:
        return None, None
    rates = [
        converted(limit.value, profile.schedule.unit, unit, limit.phases, voltage)
        for profile, limit in found
    ]
    phases = [limit.phases for _, limit in found if limit.phases is not None]
    return rounded_down(min(rates)), min(phases, default=None)


def _min_rate(profiles: Iterable[Profile], unit: RateUnit, voltage: int) -> Decimal | None:
    rates = [
        converted(schedule.min_rate, schedule.unit, unit, None, voltage)
        for schedule in (profile.schedule for profile in profiles)
        if schedule.min_rate is not None
    ]
    return rounded_down(max(rates)) if rates else None


def converted(
    value: Decimal, given: RateUnit, wanted: RateUnit, phases: int | None, voltage: int
) -> Fraction:
    """Return a rate in the wanted unit, exactly: watts = amperes x volts x phases (7.12)."""
    if given is wanted:
        return Fraction(value)
    factor = voltage * (phases or ASSUMED_PHASES)
    return Fraction(value) * factor if wanted is RateUnit.WATT else Fraction(value) / factor


def rounded_down(value: Fraction) -> Decimal:
    """Return a rate to one digit, as schedules carry it (7.14), and never above what it was."""
    tenths = value * 10 // 1
    return Decimal(tenths).scaleb(-1)
