"""Ids that people choose: what is called so is a segment of an address afterwards."""

from typing import Annotated, Any

from pydantic import AfterValidator

# In a path they mean another one, also encoded (RFC 3986, 5.2.4; URL Standard).
_ANOTHER_PATH = (".", "..")


def _names_itself(text: str) -> str:
    if text in _ANOTHER_PATH:
        raise ValueError("must be neither `.` nor `..`, which no address can name")
    return text


AddressableId = Annotated[str, AfterValidator(_names_itself)]


def none_of(*words: str) -> dict[str, Any]:
    """Return what the document says of an addressable id, which is none of these words either."""
    return {"not": {"enum": [*words, *_ANOTHER_PATH]}}
