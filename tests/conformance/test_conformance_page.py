"""docs/conformance.md names tests that exist, and every one of the files in a heading."""

import re
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = (FOLDER.parents[1] / "docs" / "conformance.md").read_text()


def test_each_section_names_every_test_of_its_files_once() -> None:
    sections = PAGE.split("\n## ")[1:]
    assert sections
    for section in sections:
        heading, _, table = section.partition("\n")
        files = re.findall(r"`((?:\w+/)*test_\w+\.py)`", heading)
        if files:
            defined = [name for file in files for name in _tests_in(FOLDER / file)]
            assert sorted(re.findall(r"`(test_\w+)`", table)) == sorted(defined), heading


def test_every_test_that_is_named_exists() -> None:
    defined = {name for file in FOLDER.rglob("test_*.py") for name in _tests_in(file)}
    assert set(re.findall(r"`(test_\w+)`", PAGE)) <= defined


def _tests_in(file: Path) -> list[str]:
    return re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.M)
