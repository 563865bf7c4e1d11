"""How much is run: some scenarios in short, each in short, or each in full."""

import os
from dataclasses import dataclass
from typing import TypeVar

VARIABLE = "FAULT_SCALE"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Scale:
    """`full` runs a scenario as the reliability matrix states it; `subset` only some of them."""

    full: bool
    subset: bool

    def pick(self, short: Value, full: Value) -> Value:
        """Return what this scale runs."""
        return full if self.full else short


def scale_from_environment() -> Scale:
    """Read `FAULT_SCALE`: `subset`, the default, `short` or `full`."""
    text = os.environ.get(VARIABLE) or "subset"
    if text not in ("subset", "short", "full"):
        raise ValueError(f"{VARIABLE} is {text!r}; it must be subset, short or full")
    return Scale(full=text == "full", subset=text == "subset")
