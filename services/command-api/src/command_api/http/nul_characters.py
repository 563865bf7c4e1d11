"""NUL, the one character that no text in the database can hold (PostgreSQL, 8.3)."""

import re

# Escaped, and the backslash of the escape is not itself escaped.
_IN_JSON = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def in_json(body: bytes) -> bool:
    """Tell whether a text in this JSON holds a NUL; one that is not escaped is no JSON."""
    return _IN_JSON.search(body) is not None


def in_query(query: bytes) -> bool:
    """Tell whether a parameter of this query string holds a NUL."""
    return b"%00" in query
