"""Each step of the walkthrough names a file, and a function or class in it, that exists."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("nothing_collected")

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "walkthrough.md").read_text()
# The page says itself what its short names stand for.
FOLDERS = dict(re.findall(r"`(\w+)/` is `([\w/-]+)/`", PAGE))
STEPS = sorted(set(re.findall(r"`(\w+)/([\w/]+\.py)(?::([\w.]+))?`", PAGE)))


def test_the_page_has_steps_in_every_service_and_in_what_they_share() -> None:
    assert {folder for folder, _, _ in STEPS} == set(FOLDERS)
    assert len(STEPS) > 20


@pytest.mark.parametrize(("folder", "file", "name"), STEPS, ids=lambda part: part or "-")
def test_a_step_names_what_exists(folder: str, file: str, name: str) -> None:
    source = (ROOT / FOLDERS[folder] / file).read_text()
    for part in filter(None, name.split(".")):
        assert re.search(rf"\b(?:def|class) {part}\b|^{part}\b", source, re.MULTILINE), part
