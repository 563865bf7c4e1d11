"""From exact amounts to totals: VAT, minimum and maximum price, rounding, the adjusting line."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor
from typing import Any, NamedTuple, TypedDict

from tests.models.billing_oracle.seconds import exact

# ISO 4217, the currencies that the generator and the tests use.
DECIMALS = {
    **dict.fromkeys(("EUR", "GBP", "CHF", "USD", "SEK", "MAD"), 2),
    **dict.fromkeys(("JPY", "KRW", "ISK"), 0),
    **dict.fromkeys(("KWD", "BHD", "TND"), 3),
}


class Line(NamedTuple):
    """What one price component asks for one session, exactly."""

    type: str
    quantity: Fraction  # kWh, hours, or 1
    price: Fraction
    vat: Fraction | None  # percent

    @property
    def excl_vat(self) -> Fraction:
        """Give the amount without VAT."""
        return self.quantity * self.price

    @property
    def incl_vat(self) -> Fraction:
        """Give the amount with VAT, if there is one."""
        return self.excl_vat * (1 + (self.vat or Fraction()) / 100)


class Sum(TypedDict):
    """All lines of one type."""

    quantity: Fraction
    excl_vat: Fraction
    incl_vat: Fraction


class Cost(TypedDict):
    """What a session costs. Sums are exact, totals are whole minor units of the currency."""

    currency: str
    lines: dict[str, Sum]
    vat: dict[Fraction, Fraction]  # by rate, before any adjustment
    total_excl_vat: Fraction
    total_incl_vat: Fraction


def half_up(amount: Fraction, decimals: int) -> Fraction:
    """Round to so many decimals, a half up."""
    return Fraction(floor(amount * 10**decimals + Fraction(1, 2)), 10**decimals)


def sums_of(lines: Sequence[Line]) -> dict[str, Sum]:
    """Add up the lines of each type."""
    return {
        kind: Sum(
            quantity=sum((line.quantity for line in lines if line.type == kind), Fraction()),
            excl_vat=sum((line.excl_vat for line in lines if line.type == kind), Fraction()),
            incl_vat=sum((line.incl_vat for line in lines if line.type == kind), Fraction()),
        )
        for kind in sorted({line.type for line in lines})
    }


def within(amount: Fraction, least: object, most: object) -> Fraction:
    """Bring an amount between a minimum and a maximum; None is no limit."""
    if least is not None:
        amount = max(amount, exact(least))
    if most is not None:
        amount = min(amount, exact(most))
    return amount


def share_with_vat(tariff: Mapping[str, Any]) -> Fraction:
    """Give what VAT makes of 1, if all prices of a tariff have the same; else it adds none."""
    rates = {
        component.get("vat")
        for element in tariff["elements"]
        for component in element["price_components"]
    }
    return 1 + exact(rates.pop() or 0) / 100 if len(rates) == 1 else Fraction(1)


def vat_of(lines: Sequence[Line], decimals: int) -> dict[Fraction, Fraction]:
    """Give the VAT of each rate, rounded once, before any limit."""
    return {
        percent: half_up(
            sum((line.excl_vat for line in lines if line.vat == percent), Fraction())
            * percent
            / 100,
            decimals,
        )
        for percent in {line.vat for line in lines if line.vat is not None}
    }


def cost_of(lines: Sequence[Line], tariff: Mapping[str, Any], *, limited: bool) -> Cost:
    """Total the lines: each total keeps its own limits, and is rounded once from its exact sum."""
    decimals = DECIMALS[tariff["currency"]]
    least = (tariff.get("min_price") if limited else None) or {}
    most = (tariff.get("max_price") if limited else None) or {}
    exact_net = sum((line.excl_vat for line in lines), Fraction())
    gross = sum((line.incl_vat for line in lines), Fraction())
    net = within(exact_net, least.get("excl_vat"), most.get("excl_vat"))

    # A limit without `incl_vat` changes the VAT in proportion to what it changes.
    limit = least if net > exact_net else most
    if net != exact_net and limit.get("incl_vat") is None:
        gross = net * (gross / exact_net if exact_net else share_with_vat(tariff))
    gross = within(gross, least.get("incl_vat"), most.get("incl_vat"))

    total_excl_vat, total_incl_vat = half_up(net, decimals), half_up(gross, decimals)
    sums = sums_of(lines)
    adjustment = Sum(
        quantity=Fraction(1),
        excl_vat=total_excl_vat - sum(kind["excl_vat"] for kind in sums.values()),
        incl_vat=total_incl_vat - sum(kind["incl_vat"] for kind in sums.values()),
    )
    if adjustment["excl_vat"] or adjustment["incl_vat"]:
        sums["ADJUSTMENT"] = adjustment
    return Cost(
        currency=tariff["currency"],
        lines=sums,
        vat=vat_of(lines, decimals),
        total_excl_vat=total_excl_vat,
        total_incl_vat=total_incl_vat,
    )
