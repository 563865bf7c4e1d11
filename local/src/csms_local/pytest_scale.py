"""How much tests do that may do more or less: little in `make test`, all in `make test-long`."""

import os
from collections.abc import Sequence
from typing import TypeVar

import pytest

FULL_SCALE = os.environ.get("TEST_SCALE") == "full"

Value = TypeVar("Value")


def scaled(full: int, small: int) -> int:
    """Return how many there are of something; the test that asks has the mark `scaled`."""
    return full if FULL_SCALE else small


def every(step: int, values: Sequence[Value]) -> list[object]:
    """Return parameters of which all but one of so many have the mark `long`."""
    return [
        pytest.param(value, marks=[pytest.mark.long] if number % step else [])
        for number, value in enumerate(values)
    ]
