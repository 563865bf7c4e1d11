"""What an image installs is what its members declare, so every import needs a declaration."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from typing import Any

import pytest

from tests.deploy.deployment_files import ROOT

pytestmark = pytest.mark.usefixtures("nothing_collected")

MEMBERS = ("shared", *(f"services/{folder.name}" for folder in (ROOT / "services").iterdir()))
_SHARED = re.compile(r"csms-shared\[(?P<extras>.*)\]")


def _project(member: str) -> dict[str, Any]:
    text = (ROOT / member / "pyproject.toml").read_text()
    project: dict[str, Any] = tomllib.loads(text)["project"]
    return project


def _declared(member: str) -> set[str]:
    """Return the distributions that the member asks for itself or through what is shared."""
    asked: list[str] = list(_project(member)["dependencies"])
    shared = _project("shared")
    extras: dict[str, list[str]] = shared["optional-dependencies"]
    if member == "shared":
        asked += [requirement for extra in extras.values() for requirement in extra]
    for found in filter(None, map(_SHARED.match, tuple(asked))):
        asked += shared["dependencies"]
        for extra in found["extras"].split(","):
            asked += extras[extra]
    return {_normal(re.split(r"[\[<>=~! ]", requirement)[0]) for requirement in asked}


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _imported(member: str) -> set[str]:
    """Return the top-level packages that the member's source imports from elsewhere."""
    found: set[str] = set()
    for path in (ROOT / member / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    own = {folder.name for folder in (ROOT / member / "src").iterdir()}
    return found - own - sys.stdlib_module_names


@pytest.mark.parametrize("member", MEMBERS)
def test_what_a_member_imports_it_declares(member: str) -> None:
    installed = packages_distributions()
    declared = _declared(member)
    undeclared = {
        name
        for name in _imported(member)
        # An editable member has no list of files, and bears its package's name.
        if not {_normal(found) for found in installed.get(name, [name])} & declared
    }
    assert undeclared == set()
