"""Why a session costs what it does: for whoever looks into a difference between two opinions."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from tests.models.billing_oracle.pricing import Component, walk
from tests.models.billing_oracle.seconds import Second


def applying(second: Second, index: int, components: list[Component]) -> str:
    """Name the component that is active in each dimension that matters in the second."""
    matters = {"FLAT", "TIME" if second.charging else "PARKING_TIME"}
    if second.consumed:
        matters.add("ENERGY")
    named: dict[str, str] = {}
    for place, component in enumerate(components):
        if component.type in matters and component.active[index]:
            named.setdefault(component.type, f"{component.type} of component {place}")
    return ", ".join(named[kind] for kind in sorted(named)) or "nothing"


def explained(tariff: Mapping[str, Any], session: Mapping[str, Any]) -> Iterator[str]:
    """Tell for each run of like seconds where it begins, what it took and what applied.

    Components count from 0 over all elements that do not price reservations.
    """
    seconds, components, unit = walk(tariff, session)

    def alike(index: int) -> tuple[bool, str]:
        second = seconds[index]
        return second.charging, applying(second, index, components)

    for (charging, applies), run in groupby(range(len(seconds)), key=alike):
        of_run = [seconds[index] for index in run]
        first = of_run[0]
        lasts = float(sum(second.lasts for second in of_run))
        taken = float(unit.watt_hours(sum(second.consumed for second in of_run)))
        yield (
            f"{first.elapsed:6} s {first.clock.weekday[:3]} {first.clock.date} {first.clock.time}"
            f" {'charging' if charging else 'parked'} {lasts:g} s, {taken:g} Wh: {applies}"
        )
