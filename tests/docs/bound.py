"""What a bound is: words of a page, and where the code has their numbers.

A bound is a page, words of it with `{}` in the place of each number, and one place of the code
for each of them (`tests.docs.constants`). Change a constant, and the test names the sentence that
is wrong now; change a sentence, and the words follow in `bounds_of_operations`, `bounds_of_pages`
or `bounds_of_decisions`.
"""

from typing import NamedTuple

# The bounds of one connection, and those of everybody who connects: their defaults.
CONNECTION = "ws_gateway: Limits."
ENTRY = "ws_gateway: EntryLimits."


class Bound(NamedTuple):
    """Words of a page, and the places of their numbers, in the order in which they stand there."""

    page: str
    words: str
    places: tuple[str, ...]


def bounds_of(page: str, *rows: tuple[str, ...]) -> tuple[Bound, ...]:
    """Return the bounds of a page; each row has the words first, then a place for each number."""
    return tuple(Bound(page, words, tuple(places)) for words, *places in rows)
