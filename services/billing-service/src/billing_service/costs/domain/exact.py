"""Exact numbers: sums that stay affordable, and the one rounding that money gets."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from math import floor

# Instants in microseconds since the epoch, and energy in Wh; integers wherever they can be.
Exact = int | Fraction


def exact_sum(numbers: Iterable[Exact]) -> Fraction:
    """Return the sum, without rounding.

    Thousands of fractions with as many denominators add up to one with a huge denominator: those
    that share theirs are added first, the others in pairs, so that few of the sums are long.
    """
    numerators: dict[int, int] = defaultdict(int)
    for number in numbers:
        numerators[number.denominator] += number.numerator
    sums = [Fraction(numerators[denominator], denominator) for denominator in sorted(numerators)]
    while len(sums) > 1:
        odd = sums[-1:] if len(sums) % 2 else []
        sums = [one + other for one, other in zip(sums[::2], sums[1::2], strict=False)] + odd
    return sums[0] if sums else Fraction(0)


def half_up(number: Exact, digits: int) -> Decimal:
    """Round to so many decimals; what lies in the middle goes up."""
    return Decimal(f"{floor(number * 10**digits + Fraction(1, 2))}E-{digits}")
