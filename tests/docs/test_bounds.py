"""Every bound that a page names is the one that the code has."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.bound import Bound
from tests.docs.bounds_of_decisions import BOUNDS_OF_DECISIONS
from tests.docs.bounds_of_operations import BOUNDS_OF_OPERATIONS
from tests.docs.bounds_of_pages import BOUNDS_OF_PAGES
from tests.docs.constants import value_of

pytestmark = pytest.mark.usefixtures("nothing_collected")

ROOT = Path(__file__).parents[2]
BOUNDS = (*BOUNDS_OF_OPERATIONS, *BOUNDS_OF_PAGES, *BOUNDS_OF_DECISIONS)
OPERATIONS = "docs/operations.md"
_NUMBER = r"((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)"
# Numbers of the tables of bounds that are no constant of the code.
NO_CONSTANTS = {
    "a single item 2 MiB": "a call of 1 MiB, written into a message as it came",
    "1,000, 200, 200 messages": "prefetches of command-api, written where its consumers are made",
}


def read(page: str) -> str:
    """Return a page's text."""
    return (ROOT / page).read_text()


def pattern(words: str) -> re.Pattern[str]:
    """Return what finds the words in a page, wherever its lines are broken."""
    parts = [re.sub(r"(\\ )+", r"\\s+", re.escape(part)) for part in words.split("{}")]
    return re.compile((r"(?<![\d.,])" + _NUMBER).join(parts))


def number(text: str) -> float:
    """Return the number that a page writes with separators of thousands."""
    return float(text.replace(",", ""))


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda bound: f"{bound.page}: {bound.words}")
def test_a_page_says_what_the_code_does(bound: Bound) -> None:
    found = list(pattern(bound.words).finditer(read(bound.page)))
    assert found, f"{bound.page} does not say: {bound.words}"
    values = [value_of(place) for place in bound.places]
    for match in found:
        assert [number(text) for text in match.groups()] == pytest.approx(values), match.group()


def test_releases_are_never_given_up_as_the_page_says() -> None:
    assert "200,000 items, never given up" in read(OPERATIONS)
    assert value_of("ws_gateway: _RELEASE_PATIENCE_S") == math.inf


def test_every_number_in_the_tables_of_bounds_is_held_against_the_code() -> None:
    page = read(OPERATIONS)
    known = [
        match.span(group)
        for bound in BOUNDS
        if bound.page == OPERATIONS
        for match in pattern(bound.words).finditer(page)
        for group in range(1, len(bound.places) + 1)
    ]
    known += [
        match.span() for words in NO_CONSTANTS for match in re.finditer(re.escape(words), page)
    ]
    unchecked = [
        f"{text} in: {row}"
        for start, text, row in _numbers_of_bounds(page)
        if not any(first <= start < last for first, last in known)
    ]
    assert unchecked == []


def _numbers_of_bounds(page: str) -> Iterator[tuple[int, str, str]]:
    """Yield where each number of a bound stands, its text, and its row's first words."""
    begin = page.index("\n## Bounds\n")
    end = page.index("\n## ", begin + 1)
    for row in re.finditer(r"^\| ([^|]+) \| ([^|]+) \|", page[begin:end], re.MULTILINE):
        # Settings are held against their defaults by tests/deploy/test_limits.py.
        if row[1].startswith(("`CSMS_", "`make", "compose", "Kubernetes")):
            continue
        for match in re.finditer(r"(?<!\[)(?<!/)(?<!\d)" + _NUMBER, row[2]):
            yield begin + row.start(2) + match.start(), match.group(), row[1]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("ws_gateway: lane._MAX_BYTES / MiB", 128),
        ("ws_gateway: SILENT_INTERVALS * Limits.ping_interval_s", 180),
        ("ws_gateway: EntryLimits.admissions_waiting", 5000),
        ("csms_shared: INCARNATION_EXPIRES_MS / 1000 / minutes", 10),
    ],
)
def test_places_are_read_as_they_are_meant(place: str, value: float) -> None:
    assert value_of(place) == value


def test_a_name_that_several_modules_have_needs_its_module() -> None:
    with pytest.raises(LookupError):
        value_of("ws_gateway: _MAX_BYTES")
    with pytest.raises(LookupError):
        value_of("ws_gateway: NO_SUCH_NAME")
