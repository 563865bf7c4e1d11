"""The page of scopes names what is for those who are limited, as the routes declare it."""

import re
from pathlib import Path
from typing import cast

import pytest

from command_api.http.access.authentication import Scoping
from command_api.http.access.declarations import Open, accesses
from command_api.http.app import create_app
from command_api.http.state import ApiState

pytestmark = pytest.mark.usefixtures("nothing_collected")

PAGE = Path(__file__).parents[2] / "docs/scopes.md"
_ROW = re.compile(r"^\| `([A-Z, ]+) (/\S+)` \| (.+) \|$", re.MULTILINE)
_MEANINGS = {
    "the station in the path is inside": Scoping.STATION,
    "what is inside": Scoping.FILTERED,
    "as for everybody": Scoping.NO_STATION,
}


def test_the_page_names_every_route_that_is_not_refused() -> None:
    named = {
        (method.lower(), f"/api/v1{path}"): _MEANINGS[meaning]
        for methods, path, meaning in _ROW.findall(PAGE.read_text())
        for method in methods.split(", ")
    }
    declared = {
        (method, path): access.scoping
        for path, method, access in accesses(create_app(cast(ApiState, None)).routes)
        if not isinstance(access, Open) and method != "head"
    }
    refused = {name for name, scoping in declared.items() if scoping is Scoping.REFUSED}
    assert len(refused) > 40
    assert named == {name: one for name, one in declared.items() if name not in refused}
