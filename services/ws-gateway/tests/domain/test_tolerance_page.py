"""docs/tolerance.md says of every deviation and every trap what is so."""

import re
from pathlib import Path

from ws_gateway.domain.deviations import Deviation

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "tolerance.md").read_text()


def test_every_deviation_has_a_row() -> None:
    named = PAGE.partition("## Deviations by name")[2].partition("## Traps")[0]
    assert set(re.findall(r"`([a-z_0-9]+)`", named)) == {str(name) for name in Deviation}


def test_every_trap_has_a_test_that_exists() -> None:
    tests = "\n".join(
        file.read_text()
        for folder in ("tests", "services/ws-gateway/tests")
        for file in (ROOT / folder).rglob("test_*.py")
    )
    rows = [row for row in PAGE.partition("## Traps")[2].splitlines() if re.match(r"\| \d", row)]
    numbers = [int(text) for row in rows for text in re.findall(r"\d+", row.split("|")[1])]
    assert numbers == list(range(1, 31))
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        for name in named:
            assert f"def {name}(" in tests, name
