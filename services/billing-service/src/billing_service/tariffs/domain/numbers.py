"""Numbers of OCPI, exactly as they were written: decimals with at most four places."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema
from pydantic_core.core_schema import (
    no_info_plain_validator_function,
    plain_serializer_function_ser_schema,
)

from csms_shared.values.numbers import Whole

# OCPI, types: "numbers use 4 decimals". With them, what is below a billion is the same as a float.
PLACES = 4
_MOST = 10**9


@dataclass(frozen=True, slots=True)
class Exactly:
    """Marks a `Decimal` of a JSON document, from `least` to `most`, with at most four decimals."""

    least: int
    most: int

    def read(self, given: Any) -> Decimal:
        """Return a number as its shortest decimal.

        Raises:
            ValueError: it is no number, not within the bounds, or has more decimals.
        """
        if not isinstance(given, int | float | Decimal) or isinstance(given, bool):
            raise ValueError("must be a number")
        # The shortest text that is read as the same float is what was written.
        number = Decimal(repr(given)) if isinstance(given, float) else Decimal(given)
        if not number.is_finite():
            raise ValueError("must be a number")
        if not self.least <= number <= self.most:
            raise ValueError(f"must be from {self.least} to {self.most}")
        whole, places = _places(number)
        if places > PLACES:
            raise ValueError(f"must have at most {PLACES} decimals")
        return Decimal(f"{whole}E-{places}")

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        # OCPI wants JSON numbers; of so few digits none is lost in a float.
        as_number = plain_serializer_function_ser_schema(float, when_used="json")
        return no_info_plain_validator_function(self.read, serialization=as_number)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "number", "minimum": self.least, "maximum": self.most}


def _places(number: Decimal) -> tuple[int, int]:
    """Return an integer and how many of its last digits are decimals, as few as can be."""
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    whole = int("".join(map(str, digits)))
    if whole == 0:
        return 0, 0
    if exponent >= 0:
        return whole * 10**exponent, 0
    places = -exponent
    while places and whole % 10 == 0:
        whole, places = whole // 10, places - 1
    return whole, places


def fits(amount: Decimal, digits: int) -> bool:
    """Tell whether an amount can be paid in a currency with so many decimals."""
    return bool((Fraction(amount) * 10**digits).denominator == 1)


# Of money, kWh, kW and A alike: no price, meter or cable comes near.
Quantity = Annotated[Decimal, Exactly(0, _MOST)]
Percent = Annotated[Decimal, Exactly(0, 100)]
# Seconds, and steps of seconds or Wh: thirty years, or a thousand MWh.
Count = Annotated[int, Whole(0, _MOST)]
