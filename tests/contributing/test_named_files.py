"""The files, targets and hooks that pages for contributors and readers name exist."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "CONTRIBUTING.md"
MAKEFILE = (ROOT / "Makefile").read_text()
PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/**/*.md", "services/*/README.md", "tests/*/README.md")
    for path in ROOT.glob(pattern)
)
_TOP = "services|shared|simulator|local|backup|bench|deploy|docs|tests"


def named_paths(text: str) -> set[str]:
    """Return the paths from the root that stand in backticks."""
    return set(re.findall(rf"`((?:{_TOP})/[^`\s]*)`", text))


def exists(path: str) -> bool:
    """Tell whether there is such a file; `<anything>` and `*` stand for any name."""
    return any(ROOT.glob(re.sub(r"<[^>]*>", "*", path).rstrip("/")))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


def test_every_file_that_the_page_names_exists() -> None:
    paths = named_paths(PAGE.read_text()) - {"tests/unit", "tests/domain", "tests/component"}
    assert len(paths) > 20
    assert {path for path in paths if not exists(path)} == set()


def test_every_target_that_the_page_names_can_be_made() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)`", PAGE.read_text()))
    assert len(named) > 5
    made = re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)
    assert named - set(made) == set()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text()):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        linked = (ROOT / page).parent / path if path else ROOT / page
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            broken.append(target)
    assert broken == []


def test_the_hooks_are_local_and_check_the_types_of_every_member() -> None:
    configured = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in configured["repos"]] == ["local"]
    hooks = configured["repos"][0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    members = re.search(r"^MEMBERS := (.*)$", MAKEFILE, re.MULTILINE)
    assert members is not None
    typed = [argument for hook in hooks for argument in hook.get("args", ())]
    assert sorted(typed) == sorted(members[1].split())
