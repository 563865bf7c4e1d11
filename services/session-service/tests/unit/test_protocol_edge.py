"""Only the protocol edge spells what OCPP calls things."""

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

import session_service

pytestmark = pytest.mark.usefixtures("nothing_collected")

SOURCE = Path(session_service.__file__).parent
EDGE = "ocpp/"


def _schemas() -> Iterator[tuple[str, object]]:
    spec = importlib.util.find_spec("ocpp")
    assert spec is not None
    assert spec.origin is not None
    for file in sorted((Path(spec.origin).parent / "v16" / "schemas").glob("*.json")):
        yield file.stem.removesuffix("Response"), orjson.loads(file.read_bytes())


def _fields(schema: object) -> Iterator[str]:
    if isinstance(schema, list):
        for part in schema:
            yield from _fields(part)
    elif isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from _fields(part)


ACTIONS = {action for action, _ in _schemas()}
NAMES = ACTIONS | {field for _, schema in _schemas() for field in _fields(schema)}
# Such as `idTag` and `ReserveNow`: what no sentence, column or event of ours would hold.
UNMISTAKABLE = {name for name in NAMES if re.search("[a-z0-9][A-Z]", name)}


def _texts(module: ast.Module) -> Iterator[str]:
    """Yield the text constants of a module, docstrings aside."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    prose = {
        id(node.body[0].value)
        for node in ast.walk(module)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def _spelled(file: Path) -> set[str]:
    """Return the names of OCPP 1.6 that a module has as texts or within them.

    An action that is an ordinary word counts as a whole text only.
    """
    texts = list(_texts(ast.parse(file.read_text())))
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    return (words & UNMISTAKABLE) | (ACTIONS & set(texts))


def _modules() -> dict[str, Path]:
    return {file.relative_to(SOURCE).as_posix(): file for file in sorted(SOURCE.rglob("*.py"))}


def test_no_module_but_the_edge_spells_a_field_or_an_action() -> None:
    leaks = {
        name: sorted(found)
        for name, file in _modules().items()
        if not name.startswith(EDGE) and (found := _spelled(file))
    }
    assert leaks == {}


def test_names_are_found_where_they_are_spelled(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""Of idTag."""\nA = {"Authorize": "/reservationId", "b": "to Authorize"}\n')
    assert _spelled(module) == {"Authorize", "reservationId"}
    assert "reservationId" in _spelled(SOURCE / "ocpp" / "v16" / "reservations.py")
