"""The Tariff object, without the ids that the suite gives it itself (party, id, last_updated)."""

import re
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from billing_service.tariffs.domain.currencies import MINOR_DIGITS
from billing_service.tariffs.domain.energy_mix import EnergyMix
from billing_service.tariffs.domain.numbers import Count, Percent, Quantity, fits
from billing_service.tariffs.domain.strict import (
    Strict,
    documented,
    not_empty,
    printable,
)
from csms_shared.values.days import Day
from csms_shared.values.times import Expiry

MAX_ELEMENTS = 100
_TIME_OF_DAY = re.compile(r"([0-1][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_URL = re.compile(r"https?://[^\s/]\S*", re.IGNORECASE)


class Dimension(StrEnum):
    """What is priced: by kWh, by hour of charging, by hour of not charging, by session."""

    ENERGY = "ENERGY"
    TIME = "TIME"
    PARKING_TIME = "PARKING_TIME"
    FLAT = "FLAT"


class TariffType(StrEnum):
    """Who a tariff is for."""

    AD_HOC_PAYMENT = "AD_HOC_PAYMENT"
    PROFILE_CHEAP = "PROFILE_CHEAP"
    PROFILE_FAST = "PROFILE_FAST"
    PROFILE_GREEN = "PROFILE_GREEN"
    REGULAR = "REGULAR"


class DayOfWeek(StrEnum):
    """A day of the week, Monday first."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


class ReservationRestriction(StrEnum):
    """Of which reservations an element is: of any, or only of those that nobody used."""

    RESERVATION = "RESERVATION"
    RESERVATION_EXPIRES = "RESERVATION_EXPIRES"


_OF_A_RESERVATION = frozenset((Dimension.FLAT, Dimension.TIME))


def _currency(code: str) -> str:
    if code not in MINOR_DIGITS:
        raise ValueError("must be a currency of ISO 4217, such as EUR")
    return code


def _time_of_day(text: str) -> str:
    if _TIME_OF_DAY.fullmatch(text) is None:
        raise ValueError("must be a time of day from 00:00 to 23:59, such as 13:30")
    return text


def _url(text: str) -> str:
    if _URL.fullmatch(text) is None:
        raise ValueError("must be an address such as https://example.com/tariffs")
    return text


def _not_too_many(elements: Any) -> Any:
    if isinstance(elements, list | tuple) and len(elements) > MAX_ELEMENTS:
        raise ValueError(f"must be {MAX_ELEMENTS} at most")
    return elements


Currency = Annotated[str, AfterValidator(_currency), documented(enum=sorted(MINOR_DIGITS))]
# Of a station's place, as 24 hours.
TimeOfDay = Annotated[
    str, AfterValidator(_time_of_day), documented(pattern=f"^({_TIME_OF_DAY.pattern})$")
]


class DisplayText(Strict):
    """Text for people, in a language of ISO 639-1."""

    language: Annotated[str, Field(pattern="^[a-z]{2}$")]
    text: Annotated[str, printable(512)]


class Price(Strict):
    """An amount without VAT, and with it where it is known."""

    excl_vat: Quantity
    incl_vat: Quantity | None = None

    @field_validator("incl_vat")
    @classmethod
    def _not_less(cls, incl_vat: Decimal | None, info: ValidationInfo) -> Decimal | None:
        excl_vat = info.data.get("excl_vat")
        if incl_vat is not None and excl_vat is not None and incl_vat < excl_vat:
            raise ValueError("must not be less than excl_vat")
        return incl_vat


class PriceComponent(Strict):
    """The price of one dimension, without VAT.

    `vat` is in percent; without it there is no VAT, which is not the same as 0 %. `step_size` is
    in Wh for ENERGY and in seconds for times; 0 is no step, and that of FLAT means nothing.
    """

    type: Dimension
    price: Quantity
    vat: Percent | None = None
    step_size: Count


class TariffRestrictions(Strict):
    """When an element holds: while all that is given here does.

    Times and days are those of the station's place; starts and minima are included, ends and
    maxima are not. Without `end_time` a time of day lasts until midnight; where `end_time` is not
    after `start_time`, it wraps around midnight.
    """

    start_time: TimeOfDay | None = None
    end_time: TimeOfDay | None = None
    start_date: Day | None = None
    end_date: Day | None = None
    min_kwh: Quantity | None = None
    max_kwh: Quantity | None = None
    min_current: Quantity | None = None
    max_current: Quantity | None = None
    min_power: Quantity | None = None
    max_power: Quantity | None = None
    min_duration: Count | None = None
    max_duration: Count | None = None
    day_of_week: tuple[DayOfWeek, ...] = ()
    reservation: ReservationRestriction | None = None

    @field_validator("max_kwh", "max_current", "max_power", "max_duration", "end_date")
    @classmethod
    def _not_empty(
        cls, most: Decimal | int | date | None, info: ValidationInfo
    ) -> Decimal | int | date | None:
        assert info.field_name is not None
        name = info.field_name.replace("max_", "min_").replace("end_", "start_")
        least: Any = info.data.get(name)
        if most is not None and least is not None and most <= least:
            raise ValueError(f"must be more than {name}: nothing would ever match")
        if most == 0:
            raise ValueError("must be more than 0: nothing would ever match")
        return most


class TariffElement(Strict):
    """Prices that hold under the same restrictions."""

    price_components: Annotated[
        tuple[PriceComponent, ...], AfterValidator(not_empty), documented(minItems=1)
    ]
    restrictions: TariffRestrictions = TariffRestrictions()

    @field_validator("price_components")
    @classmethod
    def _one_of_each(cls, components: tuple[PriceComponent, ...]) -> tuple[PriceComponent, ...]:
        types = [component.type for component in components]
        for type_ in types:
            if types.count(type_) > 1:
                raise ValueError(f"must have one {type_} at most: a second would never be used")
        return components

    @field_validator("restrictions", mode="before")
    @classmethod
    def _restrictions_or_none(cls, given: Any) -> Any:
        return {} if given is None else given

    @field_validator("restrictions")
    @classmethod
    def _of_a_reservation(
        cls, restrictions: TariffRestrictions, info: ValidationInfo
    ) -> TariffRestrictions:
        components: tuple[PriceComponent, ...] = info.data.get("price_components", ())
        others = [one.type for one in components if one.type not in _OF_A_RESERVATION]
        if restrictions.reservation is not None and others:
            raise ValueError(f"a reservation has prices of FLAT and TIME only, not of {others[0]}")
        return restrictions


class Tariff(Strict):
    """What a session costs. Of the elements that match, the first with a dimension prices it."""

    currency: Currency
    type: TariffType | None = None
    tariff_alt_text: tuple[DisplayText, ...] = ()
    tariff_alt_url: Annotated[str, printable(255), AfterValidator(_url)] | None = None
    min_price: Price | None = None
    max_price: Price | None = None
    elements: Annotated[
        tuple[TariffElement, ...],
        BeforeValidator(_not_too_many),
        AfterValidator(not_empty),
        documented(minItems=1, maxItems=MAX_ELEMENTS),
    ]
    start_date_time: Expiry | None = None
    end_date_time: Expiry | None = None
    energy_mix: EnergyMix | None = None

    @field_validator("min_price", "max_price")
    @classmethod
    def _payable(cls, price: Price | None, info: ValidationInfo) -> Price | None:
        code = info.data.get("currency")
        if price is None or code is None:
            return price
        for name, amount in (("excl_vat", price.excl_vat), ("incl_vat", price.incl_vat)):
            if amount is not None and not fits(amount, MINOR_DIGITS[code]):
                raise ValueError(
                    f"{name} must have at most {MINOR_DIGITS[code]} decimals in {code}"
                )
        return price

    @field_validator("max_price")
    @classmethod
    def _above_the_minimum(cls, most: Price | None, info: ValidationInfo) -> Price | None:
        least: Price | None = info.data.get("min_price")
        if most is None or least is None:
            return most
        if most.excl_vat < least.excl_vat:
            raise ValueError("excl_vat must not be less than that of min_price")
        if most.incl_vat is None or least.incl_vat is None:
            return most
        if most.incl_vat < least.incl_vat:
            raise ValueError("incl_vat must not be less than that of min_price")
        return most

    @field_validator("end_date_time")
    @classmethod
    def _after_its_start(cls, end: Any, info: ValidationInfo) -> Any:
        start = info.data.get("start_date_time")
        if end is not None and start is not None and end <= start:
            raise ValueError("must be after start_date_time")
        return end

    @property
    def minor_digits(self) -> int:
        """How many decimals an amount in its currency has."""
        return MINOR_DIGITS[self.currency]
