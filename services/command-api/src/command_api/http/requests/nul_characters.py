"""NUL, the one character that no text in the database can hold (PostgreSQL, 8.3)."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

import orjson

# No text in the database: whoever reads one refuses what no list gave, with its own code.
_CURSORS = frozenset({"cursor", "changed_after"})
# Escaped, and the backslash of the escape is not itself escaped.
_IN_JSON = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def fields_of_json(body: bytes) -> list[str]:
    """Return the fields of this JSON whose text holds a NUL, `body` where none can be named.

    One that is not escaped is no JSON.
    """
    if _IN_JSON.search(body) is None:
        return []
    try:
        return sorted(set(_holders(orjson.loads(body))))
    except orjson.JSONDecodeError:
        # Another parser may read it.
        return ["body"]


def fields_of_query(query: bytes) -> list[str]:
    """Return the parameters of this query string that hold a NUL, cursors left out."""
    if b"%00" not in query:
        return []
    parts = [part for part in query.decode("latin-1").split("&") if "%00" in part]
    names = (unquote_plus(part.partition("=")[0]) for part in parts)
    return [name.replace("\0", "") or "query" for name in names if name not in _CURSORS]


def _holders(document: Any) -> Iterator[str]:
    # Without recursion: a body may be nested deeper than Python's stack.
    left: list[tuple[Any, tuple[str, ...]]] = [(document, ())]
    while left:
        node, path = left.pop()
        if isinstance(node, str) and "\0" in node:
            yield ".".join(path) or "body"
        elif isinstance(node, list):
            left += [(child, (*path, str(place))) for place, child in enumerate(node)]
        elif isinstance(node, dict):
            if any("\0" in name for name in node):
                yield ".".join(path) or "body"
            left += [(child, (*path, name)) for name, child in node.items() if "\0" not in name]
