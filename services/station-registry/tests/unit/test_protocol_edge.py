"""No domain, handler or store spells a field or an action of OCPP."""

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import station_registry
from csms_shared.ocpp.actions import command_actions, station_calls
from csms_shared.ocpp.versions import OCPP16

pytestmark = pytest.mark.usefixtures("nothing_collected")

ROOT = Path(station_registry.__file__).parent
# The edge, and what a column was once called.
_EXEMPT = ("ocpp", "database/migrations")
_CAMEL = re.compile("[a-z]+[A-Z][A-Za-z]*")


def _spelled_by_ocpp() -> set[str]:
    """Every action, and every field whose name is no ordinary word."""
    actions = {*command_actions(OCPP16), *station_calls(OCPP16)}
    return {*_fields(), *actions}


def _fields() -> set[str]:
    spec = importlib.util.find_spec("ocpp")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "v16" / "schemas"
    names = {
        name
        for schema in folder.glob("*.json")
        for name in _properties(json.loads(schema.read_text(encoding="utf-8-sig")))
    }
    return {name for name in names if _CAMEL.fullmatch(name)}


def _properties(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        properties = schema.get("properties")
        yield from properties if isinstance(properties, dict) else ()
        for part in schema.values():
            yield from _properties(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _properties(part)


def _strings(source: str) -> set[str]:
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _spelling() -> dict[str, set[str]]:
    names = _spelled_by_ocpp()
    found = {}
    for path in ROOT.rglob("*.py"):
        module = path.relative_to(ROOT).as_posix()
        if not module.startswith(_EXEMPT) and (spelled := _strings(path.read_text()) & names):
            found[module] = spelled
    return found


def test_the_names_come_from_the_schemas() -> None:
    assert {"chargePointVendor", "configurationKey", "BootNotification"} <= _spelled_by_ocpp()
    assert _strings('x = {"configurationKey": 1}') & _spelled_by_ocpp() == {"configurationKey"}


def test_only_the_edge_spells_fields_and_actions() -> None:
    assert _spelling() == {}
