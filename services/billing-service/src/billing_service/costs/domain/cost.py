"""What a cost consists of."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from billing_service.tariffs.domain.tariff import Dimension


class Kind(StrEnum):
    """What a time was used for."""

    CHARGING = "CHARGING"
    PARKING = "PARKING"
    RESERVATION = "RESERVATION"


class Adjustment(StrEnum):
    """Why a total is not the sum of its lines."""

    MIN_PRICE = "min_price"
    MAX_PRICE = "max_price"
    ROUNDING = "rounding"


@dataclass(frozen=True, slots=True)
class Period:
    """A time in which the same prices held, within one day of the place.

    `elements` says for each dimension with a price which element of the tariff has it, counted
    from 0. Times are cut to microseconds; energy and hours are exact.
    """

    begins_at: datetime
    ends_at: datetime
    kind: Kind
    energy_kwh: Fraction
    hours: Fraction
    elements: tuple[tuple[Dimension, int], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """An amount, exactly: `quantity` in kWh, hours or sessions, at `unit_price`.

    `element` is that of the tariff, counted from 0. An adjustment has none, and no dimension.
    """

    dimension: Dimension | None
    adjustment: Adjustment | None
    of_reservation: bool
    begins_at: datetime
    ends_at: datetime
    element: int | None
    quantity: Fraction
    unit_price: Decimal | None
    vat_percent: Decimal | None
    amount_excl_vat: Fraction
    amount_incl_vat: Fraction


@dataclass(frozen=True, slots=True)
class VatShare:
    """What is owed at one rate, before any adjustment; each amount rounded once."""

    percent: Decimal
    amount_excl_vat: Decimal
    vat: Decimal


@dataclass(frozen=True, slots=True)
class Cost:
    """What is to be paid, and why. The lines add up to the totals, exactly.

    `review` says why somebody has to look at it before it is sent on; empty where nobody has to.
    """

    currency: str
    lines: tuple[Line, ...]
    periods: tuple[Period, ...]
    vat: tuple[VatShare, ...]
    total_excl_vat: Decimal
    total_incl_vat: Decimal
    review: tuple[str, ...]

    @property
    def vat_of_adjustments(self) -> Decimal:
        """What the VAT of all rates lacks to the VAT of the totals."""
        return self.total_incl_vat - self.total_excl_vat - sum(share.vat for share in self.vat)
