"""Constants of the code, looked up by package and name, wherever in the package they stand.

`ws_gateway: MAX_SILENT` is a constant at the top of some module of the package;
`leases.LEASE_S` one of the module of that name, where several modules have a constant that is
called so. `Limits.queued_calls` is the default of a field, or a property of an instance made of
defaults. `+`, `*` and `/` join names, numbers and units from left to right: `_MAX_BYTES / MiB`.
"""

import ast
from collections import defaultdict
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from operator import add, mul, truediv
from pathlib import Path

from pydantic import BaseModel

_OPERATORS: dict[str, Callable[[float, float], float]] = {"+": add, "*": mul, "/": truediv}
UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "minutes": 60}


def value_of(place: str) -> float:
    """Return the number that `package: expression` names.

    Raises:
        LookupError: no module of the package has the name, or several do.
    """
    package, _, expression = place.partition(": ")
    first, *rest = expression.split()
    value = _number(package, first)
    for operator, word in zip(rest[::2], rest[1::2], strict=True):
        value = _OPERATORS[operator](value, _number(package, word))
    return value


def _number(package: str, word: str) -> float:
    if word in UNITS:
        return UNITS[word]
    if word.isdigit():
        return float(word)
    *owner, name = word.split(".")
    if owner and owner[0][0].isupper():
        return _of_defaults(getattr(_only_module(package, owner[0]), owner[0]), name)
    return float(getattr(_only_module(package, name, *owner), name))


def _of_defaults(kind: type, name: str) -> float:
    if issubclass(kind, BaseModel):
        return float(kind.model_fields[name].default)
    assert is_dataclass(kind)
    return float(getattr(kind(), name))


def _only_module(package: str, name: str, within: str = "") -> object:
    found = [
        module
        for module in _definitions(package)[name]
        if not within or within in module.split(".")
    ]
    if len(found) != 1:
        raise LookupError(f"{name} of {package} is in {found or 'no module'}")
    return import_module(found[0])


@cache
def _definitions(package: str) -> dict[str, list[str]]:
    """Return the modules that define each name of a package at their top."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for name in _defined_names(path):
            found[name].append(module)
    return found


def _defined_names(path: Path) -> set[str]:
    names = set()
    for statement in ast.parse(path.read_text()).body:
        if isinstance(statement, ast.ClassDef):
            names.add(statement.name)
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                names |= {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
    return names
