"""docs/conformance.md names every test of the files that it is about, and no others."""

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
        assert files, heading
        defined = [
            name
            for file in files
            for name in re.findall(r"^(?:async )?def (test_\w+)", (FOLDER / file).read_text(), re.M)
        ]
        assert sorted(re.findall(r"`(test_\w+)`", table)) == sorted(defined), heading
