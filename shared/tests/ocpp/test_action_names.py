"""Who spells the names of actions."""

import ast
from pathlib import Path

import pytest

from csms_shared.ocpp.actions import VERSIONS, actions

pytestmark = pytest.mark.usefixtures("nothing_collected")

ROOT = Path(__file__).parents[3]
NAMES = {name for version in VERSIONS for name in actions(version)}
# A type of a message: its values are part of the contract.
_IN_A_TYPE = {"shared/src/csms_shared/contracts/rollouts.py"}


def _spells_an_action(path: Path) -> bool:
    return any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in NAMES
        for node in ast.walk(ast.parse(path.read_text()))
    )


def test_only_the_protocol_edges_spell_the_name_of_an_action() -> None:
    sources = [*ROOT.glob("shared/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]
    spelling = {
        str(path.relative_to(ROOT))
        for path in sources
        if "ocpp" not in path.relative_to(ROOT).parts and _spells_an_action(path)
    }
    assert spelling == _IN_A_TYPE
