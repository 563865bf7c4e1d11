"""The price of a session, and of a reservation: which component each second falls to, and sums.

OCPI 2.2.1, mod_tariffs, Tariff object: in each second and for each dimension the first element
that has a component of that dimension and whose restrictions hold is the one that counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

from tests.models.billing_oracle.restrictions import (
    active,
    energy_limits,
    given,
    power_limits,
)
from tests.models.billing_oracle.seconds import (
    Amount,
    EnergyUnit,
    Second,
    clocks,
    cut_at,
    energies_of,
    exact,
    instant,
    register_of,
    seconds_of,
)
from tests.models.billing_oracle.totals import Cost, Line, cost_of


class Component(NamedTuple):
    """A price component, and for each second if its element is active."""

    type: str
    price: Fraction
    vat: Fraction | None
    step_size: int
    active: list[bool]


def components_of(
    elements: Sequence[Mapping[str, Any]], seconds: Sequence[Second], unit: EnergyUnit
) -> list[Component]:
    """List all components in the order of the tariff."""
    components = []
    for element in elements:
        holds = active(element, seconds, unit)
        for component in element["price_components"]:
            vat = component.get("vat")
            components.append(
                Component(
                    component["type"],
                    exact(component["price"]),
                    None if vat is None else exact(vat),
                    component["step_size"],
                    holds,
                )
            )
    return components


@dataclass
class Use:
    """How much of one dimension fell to each of its components, and to which one last."""

    components: list[Component]
    amounts: list[Amount] = field(default_factory=list)
    last: int | None = None  # index of the component
    last_second: int = -1

    def round_up(self) -> None:
        """Bring the total up to a multiple of the last component's step size, at its price."""
        if self.last is not None and (step_size := self.components[self.last].step_size):
            total = sum(self.amounts)
            self.amounts[self.last] += ceil(Fraction(total) / step_size) * step_size - total

    def lines(self, per_unit: int) -> list[Line]:
        """Price the amounts, of which so many make a unit of the price."""
        return [
            Line(component.type, Fraction(amount) / per_unit, component.price, component.vat)
            for component, amount in zip(self.components, self.amounts, strict=True)
            if amount
        ]


def use_of(dimension: str, amounts: Sequence[Amount], components: Sequence[Component]) -> Use:
    """Give each second's amount to the first component that is active in it, if there is one."""
    use = Use([component for component in components if component.type == dimension])
    use.amounts = [0] * len(use.components)
    for second, amount in enumerate(amounts):
        if amount:
            for index, component in enumerate(use.components):
                if component.active[second]:
                    use.amounts[index] += amount
                    use.last = index
                    use.last_second = second
                    break
    return use


def flat_lines(seconds: Sequence[Second], components: Sequence[Component]) -> list[Line]:
    """Charge one flat fee: that of the first second in which one is active."""
    for second in range(len(seconds)):
        for component in components:
            if component.type == "FLAT" and component.active[second]:
                return [Line("FLAT", Fraction(1), component.price, component.vat)]
    return []


def lines_of(
    seconds: Sequence[Second], components: Sequence[Component], unit: EnergyUnit
) -> list[Line]:
    """Price the seconds exactly, step sizes included."""
    energy = use_of("ENERGY", [second.consumed for second in seconds], components)
    energy.amounts = [unit.watt_hours(amount) for amount in energy.amounts]
    energy.round_up()

    charging = [second.lasts if second.charging else 0 for second in seconds]
    parked = [0 if second.charging else second.lasts for second in seconds]
    time = use_of("TIME", charging, components)
    parking_time = use_of("PARKING_TIME", parked, components)
    # Once for both together, for the one that is paid for last.
    (time if time.last_second > parking_time.last_second else parking_time).round_up()

    return [
        *flat_lines(seconds, components),
        *energy.lines(per_unit=1000),
        *time.lines(per_unit=3600),
        *parking_time.lines(per_unit=3600),
    ]


class Walk(NamedTuple):
    """The seconds of a session, and what each component of a tariff says of each."""

    seconds: list[Second]
    components: list[Component]
    unit: EnergyUnit


def walk(tariff: Mapping[str, Any], session: Mapping[str, Any]) -> Walk:
    """Walk a session under a tariff; what prices reservations has no part in it."""
    elements = [element for element in tariff["elements"] if "reservation" not in given(element)]
    register = register_of(session)
    limits = energy_limits(elements)
    unit = EnergyUnit([*energies_of(register), *limits, *power_limits(elements)])
    seconds = seconds_of(session, register, unit)
    if limits:
        seconds = cut_at([unit.count(limit) for limit in limits], seconds)
    return Walk(seconds, components_of(elements, seconds, unit), unit)


def session_cost(tariff: Mapping[str, Any], session: Mapping[str, Any]) -> Cost:
    """Price a session: `started_at`, `stopped_at`, `time_zone`, `meter_start`, `meter_stop`,
    `readings` of `at` and `energy_wh`, `status` of `at` and `status`, perhaps `currents` of `at`
    and `amperes` and the `reservation` that it used; all times whole seconds.
    """
    lines = lines_of(*walk(tariff, session))
    if "reservation" in session:
        lines += reservation_lines(tariff, session["reservation"])
    return cost_of(lines, tariff, limited=True)


def reservation_cost(tariff: Mapping[str, Any], reservation: Mapping[str, Any]) -> Cost:
    """Price a reservation that no session used."""
    return cost_of(reservation_lines(tariff, reservation), tariff, limited=False)


def reservation_lines(tariff: Mapping[str, Any], reservation: Mapping[str, Any]) -> list[Line]:
    """Price exactly a reservation: `reserved_at`, `ended_at`, `time_zone` and if it `expired`.

    What one costs that expires comes first from the elements made for that, dimension by
    dimension, and else from those of any reservation.
    """
    kinds = ["RESERVATION_EXPIRES"] if reservation["expired"] else []
    elements = [
        element
        for kind in [*kinds, "RESERVATION"]
        for element in tariff["elements"]
        if given(element).get("reservation") == kind
    ]
    start, stop = instant(reservation["reserved_at"]), instant(reservation["ended_at"])
    unit = EnergyUnit([*energy_limits(elements), *power_limits(elements)])
    shown = clocks(start, stop, reservation["time_zone"])
    seconds = [
        Second(elapsed, 1, shown[elapsed], 0, 0, 0, 0, charging=True)
        for elapsed in range(stop - start)
    ] or [Second(0, 0, shown[0], 0, 0, 0, 0, charging=True)]
    return lines_of(seconds, components_of(elements, seconds, unit), unit)
