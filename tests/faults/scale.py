"""How much of each scenario is run: a few minutes in all, or everything."""

import os
from dataclasses import dataclass
from typing import TypeVar

VARIABLE = "FAULT_SCALE"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Scale:
    """`full` runs each scenario as the reliability matrix states it."""

    full: bool

    def pick(self, short: Value, full: Value) -> Value:
        """Return what this scale runs."""
        return full if self.full else short


def scale_from_environment() -> Scale:
    """Read `FAULT_SCALE`: `short`, the default, or `full`."""
    text = os.environ.get(VARIABLE, "short")
    if text not in ("short", "full"):
        raise ValueError(f"{VARIABLE} is {text!r}; it must be short or full")
    return Scale(full=text == "full")
