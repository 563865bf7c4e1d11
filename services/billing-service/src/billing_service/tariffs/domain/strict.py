"""What the objects of a tariff have in common: no field that OCPI does not know, no odd text."""

from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, StringConstraints
from pydantic_core import CoreSchema

_Items = TypeVar("_Items", bound=tuple[object, ...])


class Strict(BaseModel):
    """An object without other fields than its own, never changed.

    A field that nobody knows is a misspelt restriction more often than a new one, and a price
    without its restriction is charged at all times.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Documented:
    """Says in a JSON schema what a validator looks at: for documentation, beside the check."""

    rules: tuple[tuple[str, Any], ...]

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), **dict(self.rules)}


def documented(**rules: Any) -> Documented:
    """Return what says these rules of JSON Schema of a field."""
    return Documented(tuple(rules.items()))


def printable(longest: int) -> StringConstraints:
    """Return what OCPI asks of a text: no control character, and not too long."""
    return StringConstraints(
        strict=True, min_length=1, max_length=longest, pattern=r"^[^\x00-\x1f\x7f]*$"
    )


def not_empty(items: _Items) -> _Items:
    """Check that there is one: after the items, so that a bad one is not said to be missing."""
    if not items:
        raise ValueError("must not be empty")
    return items
