"""A tariff out of a JSON document, or everything that is wrong with it by the name of its field."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from billing_service.tariffs.domain.tariff import Tariff


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field, such as `elements[2].restrictions.max_kwh`; "" is the whole."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidTariff(ValueError):
    """This is no tariff; `problems` says what is to be changed."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def read_tariff(document: Any) -> Tariff:
    """Read a Tariff object without its ids.

    Raises:
        InvalidTariff: a field is missing, unknown or not as OCPI has it.
    """
    try:
        return Tariff.model_validate(document)
    except ValidationError as error:
        problems = tuple(
            Problem(_path(one["loc"]), _message(one["type"], one["msg"]))
            for one in error.errors(include_url=False, include_input=False)
        )
        raise InvalidTariff(problems) from None


def _message(type_: str, message: str) -> str:
    if type_ == "extra_forbidden":
        return "is no field of OCPI 2.2.1 here"
    return message.removeprefix("Value error, ")


def _path(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".")
