"""Texts and ids as OCPI 2.2.1 takes them (types: string, CiString)."""

import re
from enum import IntEnum
from hashlib import blake2b

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_PRINTABLE_ASCII = re.compile(r"[\x20-\x7e]+")


class Id(IntEnum):
    """How long ids may be."""

    LOCATION = 36
    TOKEN = 36


def fit_text(text: str | None, most: int) -> str | None:
    """Return a text for people, without line breaks and no longer than OCPI takes it."""
    if text is None:
        return None
    return _UNPRINTABLE.sub(" ", text).strip()[:most].rstrip() or None


def fit_id(text: str, most: Id) -> str:
    """Return an id as OCPI takes it; one that it does not take is told by what stands for it."""
    if len(text) <= most and _PRINTABLE_ASCII.fullmatch(text):
        return text
    return blake2b(text.encode(), digest_size=most // 2).hexdigest()
