"""A cost in the words of the contract (`CostView`): decimal texts, exact where it counts.

Lines are exact fractions. Shown, each sum of the first lines is rounded to six decimals, and a line
is what its sum adds to the one before: so what is shown adds up to the total, exactly.
"""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

from billing_service.costs.domain.cost import Cost, Line, Period
from billing_service.costs.domain.exact import Exact, exact_sum, half_up
from billing_service.tariffs.domain.currencies import MINOR_DIGITS
from billing_service.tariffs.domain.tariff import Dimension
from csms_shared.contracts.billing import CostLine, CostPeriod, VatView
from csms_shared.values.times import format_time

PLACES = 6
ADJUSTMENT = "ADJUSTMENT"
_UNITS = {
    Dimension.ENERGY: "kWh",
    Dimension.TIME: "h",
    Dimension.PARKING_TIME: "h",
    Dimension.FLAT: "session",
}


def shown(cost: Cost) -> dict[str, Any]:
    """Return what `CostView` says of a cost: totals, lines, periods, VAT and reasons to look."""
    digits = MINOR_DIGITS[cost.currency]
    excl = _adding_up(line.amount_excl_vat for line in cost.lines)
    incl = _adding_up(line.amount_incl_vat for line in cost.lines)
    energy = exact_sum(period.energy_kwh for period in cost.periods)
    return {
        "currency": cost.currency,
        "total_excl_vat": decimal_text(cost.total_excl_vat, digits),
        "total_incl_vat": decimal_text(cost.total_incl_vat, digits),
        "energy_kwh": _quantity(energy),
        "lines": [
            _line(line, decimal_text(without, digits), decimal_text(with_vat, digits))
            for line, without, with_vat in zip(cost.lines, excl, incl, strict=True)
        ],
        "periods": [_period(period) for period in cost.periods],
        "vat": [
            VatView(
                percent=decimal_text(share.percent),
                amount_excl_vat=decimal_text(share.amount_excl_vat, digits),
                vat=decimal_text(share.vat, digits),
            ).model_dump()
            for share in cost.vat
        ],
        "review": [*cost.review],
    }


def decimal_text(number: Decimal, least: int = 0) -> str:
    """Write a number with as few decimals as it needs, and at least so many."""
    whole, _, decimals = f"{number:f}".partition(".")
    decimals = decimals.rstrip("0").ljust(least, "0")
    return f"{whole}.{decimals}" if decimals else whole


def _adding_up(amounts: Iterable[Fraction]) -> list[Decimal]:
    shown_amounts: list[Decimal] = []
    exact, told = Fraction(0), 0
    for amount in amounts:
        exact += amount
        # As integers: decimals would be cut to 28 digits.
        millionths = floor(exact * 10**PLACES + Fraction(1, 2))
        shown_amounts.append(Decimal(f"{millionths - told}E-{PLACES}"))
        told = millionths
    return shown_amounts


def _quantity(number: Exact) -> str:
    return decimal_text(half_up(number, PLACES))


def _line(line: Line, amount_excl_vat: str, amount_incl_vat: str) -> dict[str, Any]:
    priced = line.dimension
    return CostLine(
        type=ADJUSTMENT if priced is None else priced.value,
        from_time=format_time(line.begins_at),
        to_time=format_time(line.ends_at),
        quantity=None if priced is None else _quantity(line.quantity),
        unit=None if priced is None else _UNITS[priced],
        unit_price=None if line.unit_price is None else decimal_text(line.unit_price),
        amount_excl_vat=amount_excl_vat,
        vat_percent=None if line.vat_percent is None else decimal_text(line.vat_percent),
        amount_incl_vat=amount_incl_vat,
        element=line.element,
        reason=None if line.adjustment is None else line.adjustment.value,
        of_reservation=line.of_reservation,
    ).model_dump()


def _period(period: Period) -> dict[str, Any]:
    return CostPeriod(
        from_time=format_time(period.begins_at),
        to_time=format_time(period.ends_at),
        kind=period.kind.value,
        energy_kwh=_quantity(period.energy_kwh),
        hours=_quantity(period.hours),
        elements={dimension.value: number for dimension, number in period.elements},
    ).model_dump()
