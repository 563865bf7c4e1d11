"""Every picture that a page of the documentation shows is there, and each is shown somewhere."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
_SHOWN = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")


def _shown() -> dict[Path, Path]:
    return {
        (page.parent / place).resolve(): page
        for page in PAGES
        for place in _SHOWN.findall(page.read_text())
        if "://" not in place
    }


def test_every_picture_that_is_shown_is_there() -> None:
    missing = {f"{page.name}: {path}" for path, page in _shown().items() if not path.is_file()}
    assert missing == set()


def test_every_picture_of_the_console_is_shown_somewhere() -> None:
    pictures = {path.resolve() for path in (ROOT / "docs" / "images").rglob("*.*")}
    assert pictures - set(_shown()) == set()
