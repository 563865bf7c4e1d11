"""A copy of what the services are made of, and programs that run it in place of the tree's own."""

import importlib.util
import shlex
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICES = (
    "station-registry",
    "session-service",
    "command-api",
    "integration-service",
    "billing-service",
    "ws-gateway",
)
_SOURCES = ("shared/src", *(f"services/{service}/src" for service in SERVICES))


class CopiedTree:
    """A copy in which files are changed; `changed` holds their paths from the root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.changed: set[str] = set()
        for source in _SOURCES:
            shutil.copytree(
                ROOT / source, folder / source, ignore=shutil.ignore_patterns("__pycache__")
            )
        spec = importlib.util.find_spec("ocpp")
        assert spec is not None
        assert spec.origin is not None
        self._ocpp = folder / "site" / "ocpp"
        shutil.copytree(Path(spec.origin).parent, self._ocpp)

    def add_after(self, path: str, marks: str, *more: str) -> None:
        """Insert text behind what a file holds exactly once; `more` are further such pairs."""
        file = self.folder / path
        text = file.read_text()
        pairs = (marks, *more)
        for mark, added in zip(pairs[::2], pairs[1::2], strict=True):
            assert text.count(mark) == 1, (path, mark)
            text = text.replace(mark, mark + added)
        file.write_text(text)
        self.changed.add(path)

    def add_schema(self, version: str, name: str, schema: str) -> None:
        """Add a schema to those of a version."""
        (self._ocpp / version / "schemas" / f"{name}.json").write_text(schema)

    def programs(self) -> Path:
        """Return a folder with the services' commands, which run the copy."""
        folder = self.folder / "programs"
        folder.mkdir()
        sources = (self.folder / "site", *(self.folder / source for source in _SOURCES))
        path = shlex.quote(":".join(map(str, sources)))
        for service in SERVICES:
            command = shlex.quote(str(Path(sys.executable).parent / service))
            script = folder / service
            script.write_text(f'#!/bin/sh\nPYTHONPATH={path} exec {command} "$@"\n')
            script.chmod(0o700)
        return folder
