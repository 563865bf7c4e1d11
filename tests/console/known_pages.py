"""The table of the console's pages, read from the console itself."""

import re
from dataclasses import dataclass

from tests.console.installed import ASSETS

_ROW = re.compile(
    r'\{ path: "([^"]*)", title: "([^"]+)", load: \(\) => import\("\./([^"]+)"\)([^}]*)\}'
)


@dataclass(frozen=True, slots=True)
class KnownPage:
    """One row: the address with its parameters, and the least role, if it says one."""

    path: str
    module: str
    role: str
    is_of_deployment: bool

    @property
    def parameters(self) -> list[str]:
        """Return the names of its parameters."""
        return re.findall(r":(\w+)", self.path)


def known_pages() -> list[KnownPage]:
    """Return every page, in the table's order."""
    text = (ASSETS / "src" / "pages.js").read_text()
    found = [
        KnownPage(
            path,
            module,
            (re.search(r'role: "(\w+)"', rest) or ["", "viewer"])[1],
            "deployment: true" in rest,
        )
        for path, _, module, rest in _ROW.findall(text)
    ]
    assert len(found) == text.count("import("), "a row is written otherwise"
    return found
