"""NUL, the one character that no text in the database can hold (PostgreSQL, 8.3)."""

import re
from urllib.parse import unquote_plus

# Escaped, and the backslash of the escape is not itself escaped.
_IN_JSON = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def in_json(body: bytes) -> bool:
    """Tell whether a text in this JSON holds a NUL; one that is not escaped is no JSON."""
    return _IN_JSON.search(body) is not None


def in_query(query: bytes) -> str | None:
    """Return the first parameter of this query string that holds a NUL, None where none does."""
    for parameter in query.split(b"&"):
        if b"%00" in parameter:
            name = unquote_plus(parameter.partition(b"=")[0].decode("ascii", "replace"))
            return name.replace("\0", "")
    return None
