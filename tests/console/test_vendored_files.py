"""What the console takes from others is theirs, unchanged, and may be given on."""

import hashlib
import json

import pytest

from tests.console.installed import ASSETS, MODULES, install_packages

VENDOR = ASSETS / "vendor"
VENDORED = json.loads((VENDOR / "vendored.json").read_text())
LICENCES = {"MIT", "Apache-2.0", "ISC", "BSD-3-Clause"}
# Ours: types of a package that ships none.
OWN = {"vendored.json", "preact-htm.d.ts"}


@pytest.fixture(scope="module", autouse=True)
def _packages() -> None:
    install_packages()


def test_every_vendored_file_is_listed() -> None:
    assert {file.name for file in VENDOR.iterdir()} - OWN == set(VENDORED)


@pytest.mark.parametrize("name", VENDORED)
def test_a_vendored_file_is_that_of_its_package(name: str) -> None:
    said = VENDORED[name]
    package = MODULES / said["package"]
    content = (VENDOR / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == said["sha256"]
    assert content == (package / said["path"]).read_bytes()
    assert json.loads((package / "package.json").read_text())["version"] == said["version"]


@pytest.mark.parametrize("name", VENDORED)
def test_a_vendored_file_may_be_given_on_with_its_licence(name: str) -> None:
    said = VENDORED[name]
    assert said["licence"] in LICENCES
    stem = name.split(".")[0]
    assert (VENDOR / f"{stem}.LICENSE").read_text().strip()
