"""Only `ws_gateway.ocpp` spells what OCPP names: its actions, and the fields of their payloads."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ws_gateway
from csms_shared.ocpp import schemas
from csms_shared.ocpp.actions import actions
from csms_shared.ocpp.versions import OCPP16

pytestmark = pytest.mark.usefixtures("nothing_collected")

SOURCE = Path(ws_gateway.__file__).parent


def _fields(schema: object) -> Iterator[str]:
    if isinstance(schema, list):
        for child in schema:
            yield from _fields(child)
    if isinstance(schema, dict):
        for name, child in schema.items():
            if name == "properties":
                yield from child
            yield from _fields(child)


def _vocabulary() -> set[str]:
    fields = {
        name
        for action in actions(OCPP16)
        for response in (False, True)
        for name in _fields(schemas._schema(OCPP16, action, response=response))
    }
    # A lower-case word may be a field of anything.
    return set(actions(OCPP16)) | {name for name in fields if not name.islower()}


def _spelled(source: str, vocabulary: set[str]) -> set[str]:
    constants = {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return constants & vocabulary


def test_no_module_beside_the_edge_spells_an_action_or_a_field() -> None:
    vocabulary = _vocabulary()
    assert {"BootNotification", "idTag", "meterValue", "idTagInfo"} <= vocabulary
    spelling = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if path.relative_to(SOURCE).parts[0] != "ocpp" and _spelled(path.read_text(), vocabulary)
    }
    assert spelling == set()


def test_the_edge_is_found_to_spell_them() -> None:
    edge = (SOURCE / "ocpp" / "v16_tolerance.py").read_text()
    assert {"meterValue", "chargePointVendor"} <= _spelled(edge, _vocabulary())
