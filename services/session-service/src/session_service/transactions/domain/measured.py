"""What meter values say of a session: its register, its current, and what the meter signed.

Amounts are exact: as the station wrote them, and not as the numbers that stand beside them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from session_service.metering.domain import AT_OUTLET, ENERGY_REGISTER, THREE_PHASES

CURRENT = "Current.Import"
SIGNED = "SignedData"
_WH: Mapping[str | None, int] = {None: 1, "Wh": 1, "kWh": 1000}
_AMPERES: Mapping[str | None, int] = {None: 1, "A": 1}


class Value(NamedTuple):
    """A stored value; `value` is None where its text is no number."""

    at: datetime
    measurand: str | None
    phase: str | None
    context: str | None
    location: str | None
    format: str | None
    unit: str | None
    raw: str
    value: float | None


class Told(Protocol):
    """What tells of what a value is."""

    @property
    def measurand(self) -> str | None:
        """What was measured: the register of energy where nothing is said."""

    @property
    def format(self) -> str | None:
        """Whether the meter signed it."""


def tells_of_a_session(told: Told) -> bool:
    """Tell whether a value is one of those that a session's facts are read from."""
    return told.format == SIGNED or told.measurand in (None, ENERGY_REGISTER, CURRENT)


class Signed(NamedTuple):
    """A value that the meter signed, as it was sent."""

    at: datetime
    context: str | None
    raw: str


@dataclass(frozen=True, slots=True)
class Measured:
    """All of a session, each list in the order of time."""

    readings: list[tuple[datetime, Decimal]]
    currents: list[tuple[datetime, Decimal]]
    signed: list[Signed]


_Phases = dict[str | None, Decimal]


def measured(values: Iterable[Value]) -> Measured:
    """Read the values of a session; of one thing at one time the greatest counts.

    A register that was told by phases is their sum where all three are there and the total is not.
    A current is the sum of its phases, and what was told without phases where there are none.
    """
    registers: dict[datetime, _Phases] = {}
    currents: dict[datetime, _Phases] = {}
    signed: dict[Signed, None] = {}
    for one in values:
        if one.format == SIGNED:
            signed[Signed(one.at, one.context, one.raw)] = None
        elif one.value is None or one.location not in AT_OUTLET:
            continue
        elif one.measurand in (None, ENERGY_REGISTER):
            _keep_greatest(registers, one, _WH.get(one.unit))
        elif one.measurand == CURRENT:
            _keep_greatest(currents, one, _AMPERES.get(one.unit))
    return Measured(
        readings=[
            (at, total)
            for at, phases in sorted(registers.items())
            if (total := _register(phases)) is not None
        ],
        currents=[
            (at, total)
            for at, phases in sorted(currents.items())
            if (total := _current(phases)) is not None
        ],
        signed=sorted(signed, key=lambda one: (one.at, one.context or "", one.raw)),
    )


def plain(number: Decimal) -> str:
    """Write a number without an exponent and without zeros that say nothing."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _keep_greatest(found: dict[datetime, _Phases], one: Value, factor: int | None) -> None:
    if factor is None:
        return
    amount = Decimal(one.raw) * factor
    phases = found.setdefault(one.at, {})
    phase = None if one.phase is None else one.phase.removesuffix("-N")
    phases[phase] = max(amount, phases.get(phase, amount))


def _register(phases: _Phases) -> Decimal | None:
    if None in phases:
        return phases[None]
    if not phases.keys() >= set(THREE_PHASES):
        return None
    return sum((phases[phase] for phase in THREE_PHASES), Decimal(0))


def _current(phases: _Phases) -> Decimal | None:
    """Return the current of the phases that were told; that of the neutral is none."""
    told = [phases[phase] for phase in THREE_PHASES if phase in phases]
    return sum(told, Decimal(0)) if told else phases.get(None)
