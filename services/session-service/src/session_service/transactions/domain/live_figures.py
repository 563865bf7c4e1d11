"""The newest energy, power and state of charge of a transaction, of values in any order.

Each figure has a time of its own: stations send measurands in calls of their own. Of two readings
the later counts, and of one time the greater, so that order and repetition change nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from csms_shared.values.numbers import INT32_MAX
from csms_shared.values.station_clocks import BUILD_DATE
from session_service.metering.domain import (
    ACTIVE_POWER,
    AT_OUTLET,
    ENERGY_REGISTER,
    REGISTER_ROUNDING_WH,
    THREE_PHASES,
    MeterReport,
    Sample,
)
from session_service.values.suspicion import PLAUSIBLE_POWER_W

STATE_OF_CHARGE = "SoC"


class Reading(NamedTuple):
    """A value with its time; readings compare by what counts."""

    at: datetime
    value: float


class Figures(NamedTuple):
    """The newest readings, None where nothing was measured that counts.

    The energy is that of the transaction, in whole Wh; the power in W, the charge in percent.
    """

    energy: Reading | None = None
    power: Reading | None = None
    soc: Reading | None = None

    def with_others(self, others: "Figures") -> "Figures":
        """Return what is known with these too; the order makes no difference."""
        pairs = zip(self, others, strict=True)
        return Figures(*(_newer(known, other) for known, other in pairs))


@dataclass(frozen=True, slots=True)
class Live:
    """What is shown and told of an active transaction; `measured_at` is the newest time."""

    energy_wh: int | None
    power_w: float | None
    soc_percent: float | None
    measured_at: datetime


class _Measurand(NamedTuple):
    """What of a measurand counts: the field of `Figures`, factors of units, and locations."""

    field: int
    factors: Mapping[str | None, float]
    locations: frozenset[str | None]


_ENERGY = _Measurand(0, {None: 1.0, "Wh": 1.0, "kWh": 1000.0}, AT_OUTLET)
_POWER = _Measurand(1, {None: 1.0, "W": 1.0, "kW": 1000.0}, AT_OUTLET)
# It is the vehicle's, wherever a station says that it has measured it.
_SOC = _Measurand(
    2, {None: 1.0, "Percent": 1.0}, frozenset({None, "Outlet", "Inlet", "Cable", "EV", "Body"})
)
_MEASURANDS = {
    None: _ENERGY,
    ENERGY_REGISTER: _ENERGY,
    ACTIVE_POWER: _POWER,
    STATE_OF_CHARGE: _SOC,
}


def figures_of(report: MeterReport, meter_start: int) -> Figures:
    """Return the newest figures of one call.

    What was measured by phases is their sum where all three are there and the total is not.
    """
    newest: list[Reading | None] = [None, None, None]
    phases: list[tuple[int, Sample, float]] = []
    for sample in report.samples:
        measured = _amount(sample)
        if measured is None:
            continue
        field, amount = measured
        if sample.phase is None:
            reading = _reading(field, amount, sample.sampled_at, meter_start, report.received_at)
            newest[field] = _newer(newest[field], reading)
        elif field != _SOC.field:
            phases.append((field, sample, amount))
    if phases:
        totals = _times_of_totals(report.samples)
        for (field, at), amount in _sums(phases).items():
            if (field, at) not in totals:
                reading = _reading(field, amount, at, meter_start, report.received_at)
                newest[field] = _newer(newest[field], reading)
    return Figures(*newest)


def _amount(sample: Sample) -> tuple[int, float] | None:
    """Return the field that a value is of, with its amount in the field's unit."""
    measurand = _MEASURANDS.get(sample.measurand)
    if measurand is None or sample.value is None or sample.location not in measurand.locations:
        return None
    factor = measurand.factors.get(sample.unit)
    return None if factor is None else (measurand.field, sample.value * factor)


def _reading(
    field: int, amount: float, sampled_at: datetime, meter_start: int, received_at: datetime
) -> Reading | None:
    """Return what counts of an amount: nothing that can't be true."""
    # A clock that was not set, or is ahead, must not keep out what comes after it.
    at = sampled_at if BUILD_DATE <= sampled_at <= received_at else received_at
    if field == _ENERGY.field:
        if not -REGISTER_ROUNDING_WH <= amount - meter_start <= INT32_MAX:
            return None
        return Reading(at, max(0, round(amount - meter_start)))
    # To add 0 takes the sign from a zero that has one, as stations send it and rounding makes it.
    if field == _POWER.field:
        return Reading(at, round(amount, 3) + 0.0) if abs(amount) <= PLAUSIBLE_POWER_W else None
    return Reading(at, amount + 0.0) if 0 <= amount <= 100 else None


def _times_of_totals(samples: Iterable[Sample]) -> set[tuple[int, datetime]]:
    return {
        (measured[0], sample.sampled_at)
        for sample in samples
        if sample.phase is None and (measured := _amount(sample)) is not None
    }


def _sums(phases: Sequence[tuple[int, Sample, float]]) -> dict[tuple[int, datetime], float]:
    """Return, by field and time, the sums of what has all three phases."""
    amounts: dict[tuple[int, datetime], dict[str, float]] = {}
    for field, sample, amount in phases:
        of_time = amounts.setdefault((field, sample.sampled_at), {})
        phase = (sample.phase or "").removesuffix("-N")
        of_time[phase] = max(amount, of_time.get(phase, amount))
    return {
        key: sum(of_time[phase] for phase in THREE_PHASES)
        for key, of_time in amounts.items()
        if of_time.keys() >= set(THREE_PHASES)
    }


def _newer(known: Reading | None, other: Reading | None) -> Reading | None:
    if known is None or other is None:
        return known or other
    return max(known, other)
