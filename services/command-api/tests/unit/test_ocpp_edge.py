"""How OCPP spells a field or an action is known at the edge alone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import command_api
from csms_shared.ocpp.actions import actions
from csms_shared.ocpp.schemas import request_schema
from csms_shared.ocpp.versions import OCPP16

pytestmark = pytest.mark.usefixtures("nothing_collected")

SOURCE = Path(command_api.__file__).parent
_OF_A_VERSION = re.compile(r"csms_shared\.ocpp\.v\d+")
# The edge itself, and what has no code of requests.
OUTSIDE = ("ocpp", "console", "database/migrations")
# What still spells them. A module leaves this list and does not come back.
STILL_SPELLING: set[str] = set()


def spelled_in_ocpp() -> set[str]:
    """Return the actions, and the names of fields that no other text is likely to be."""
    names = set(actions(OCPP16))
    fields = {
        field
        for action in names
        for field in _fields(request_schema(OCPP16, action))
        if any(letter.isupper() for letter in field)
    }
    return names | fields


def _fields(schema: object) -> Iterator[str]:
    if isinstance(schema, list):
        for part in schema:
            yield from _fields(part)
    elif isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from properties
        for part in schema.values():
            yield from _fields(part)


def spelled_by(module: Path, names: set[str]) -> set[str]:
    """Return the names among the module's strings, steps of pointers and names of arguments."""
    said: set[str | None] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            said.update(node.value.split("/"))
        elif isinstance(node, ast.keyword):
            said.add(node.arg)
        elif isinstance(node, ast.ImportFrom) and _OF_A_VERSION.fullmatch(node.module or ""):
            # Names for the names.
            return names
    return {name for name in said if name in names}


def test_no_module_but_the_edge_spells_a_field_or_an_action_of_ocpp() -> None:
    names = spelled_in_ocpp()
    assert {"RemoteStartTransaction", "connectorId", "chargingSchedulePeriod"} <= names
    found = {
        str(path)
        for module in sorted(SOURCE.rglob("*.py"))
        for path in (module.relative_to(SOURCE),)
        if not str(path).startswith(OUTSIDE)
        if spelled_by(module, names)
    }
    assert found == STILL_SPELLING
