"""Flags: true and false, and nothing that only looks like them."""

from typing import Annotated, Any

from pydantic import BeforeValidator

_WRITTEN = {"true": True, "1": True, "false": False, "0": False}


def _of_json(given: Any) -> bool:
    if not isinstance(given, bool):
        raise ValueError("must be true or false")
    return given


def _of_text(given: Any) -> bool:
    flag = _WRITTEN.get(given.lower()) if isinstance(given, str) else given
    return _of_json(flag)


# A field of a JSON document.
Flag = Annotated[bool, BeforeValidator(_of_json)]
# A parameter of a query.
FlagText = Annotated[bool, BeforeValidator(_of_text)]
