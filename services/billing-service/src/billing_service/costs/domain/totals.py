"""Totals of lines: within the limits of the tariff, rounded once, with lines that say so.

OCPI sets no rule of rounding. Here lines are exact. Both totals are rounded from the exact sums,
half up, to the minor unit of the currency, and so is the VAT of each rate. Nothing is rounded
twice.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from billing_service.costs.domain.cost import Adjustment, Cost, Line, Period, VatShare
from billing_service.costs.domain.exact import exact_sum, half_up
from billing_service.tariffs.domain.tariff import Price, Tariff


class _Money(NamedTuple):
    excl: Fraction
    incl: Fraction


def settled(
    lines: Sequence[Line],
    periods: Sequence[Period],
    tariff: Tariff,
    *,
    limited: bool,
    review: Iterable[str],
) -> Cost:
    """Return the cost that lines add up to; `limited` where min_price and max_price hold."""
    digits = tariff.minor_digits
    bases = _by_rate(lines)
    exact = _Money(
        exact_sum(bases.values()),
        exact_sum(base * _with_vat(rate) for rate, base in bases.items()),
    )
    ratio = exact.incl / exact.excl if exact.excl else _only_rate(tariff)
    raised = _limit(exact, tariff.min_price if limited else None, max, ratio)
    capped = _limit(raised, tariff.max_price if limited else None, min, ratio)
    if limited and tariff.min_price is not None and tariff.min_price.incl_vat is not None:
        # A maximum without VAT brings the amount with VAT down in proportion: not below this.
        capped = capped._replace(incl=max(capped.incl, Fraction(tariff.min_price.incl_vat)))
    excl, incl = half_up(capped.excl, digits), half_up(capped.incl, digits)
    changes = (
        (Adjustment.MIN_PRICE, exact, raised),
        (Adjustment.MAX_PRICE, raised, capped),
        (Adjustment.ROUNDING, capped, _Money(Fraction(excl), Fraction(incl))),
    )
    adjustments = [
        _adjustment(reason, periods, before, after)
        for reason, before, after in changes
        if before != after
    ]
    rates = sorted(rate for rate in bases if rate is not None)
    return Cost(
        currency=tariff.currency,
        lines=(*lines, *adjustments),
        periods=tuple(periods),
        vat=tuple(
            VatShare(
                rate,
                half_up(bases[rate], digits),
                half_up(bases[rate] * (_with_vat(rate) - 1), digits),
            )
            for rate in rates
        ),
        total_excl_vat=excl,
        total_incl_vat=incl,
        review=tuple(sorted(set(review))),
    )


def _with_vat(rate: Decimal | None) -> Fraction:
    return 1 + Fraction(rate or 0) / 100


def _by_rate(lines: Iterable[Line]) -> dict[Decimal | None, Fraction]:
    amounts: dict[Decimal | None, list[Fraction]] = {}
    for line in lines:
        amounts.setdefault(line.vat_percent, []).append(line.amount_excl_vat)
    return {rate: exact_sum(given) for rate, given in amounts.items()}


def _limit(
    money: _Money,
    limit: Price | None,
    bound: Callable[[Fraction, Fraction], Fraction],
    ratio: Fraction,
) -> _Money:
    """Hold a limit without VAT and one with VAT, each by itself (mod_tariffs, notes on prices).

    Where the limit with VAT is not given, the amount with VAT follows that without in proportion.
    """
    if limit is None:
        return money
    excl = bound(money.excl, Fraction(limit.excl_vat))
    if limit.incl_vat is not None:
        return _Money(excl, bound(money.incl, Fraction(limit.incl_vat)))
    return money if excl == money.excl else _Money(excl, excl * ratio)


def _only_rate(tariff: Tariff) -> Fraction:
    """Return what VAT makes of an amount where nothing was used: that of the tariff, if all have
    the same.
    """
    rates = {component.vat for element in tariff.elements for component in element.price_components}
    return _with_vat(rates.pop()) if len(rates) == 1 else Fraction(1)


def _adjustment(
    reason: Adjustment, periods: Sequence[Period], before: _Money, after: _Money
) -> Line:
    return Line(
        dimension=None,
        adjustment=reason,
        of_reservation=False,
        begins_at=periods[0].begins_at,
        ends_at=periods[-1].ends_at,
        element=None,
        quantity=Fraction(1),
        unit_price=None,
        vat_percent=None,
        amount_excl_vat=after.excl - before.excl,
        amount_incl_vat=after.incl - before.incl,
    )
