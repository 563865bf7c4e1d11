"""The console's files as they are served: read, named and compressed once.

The page is one for every address below the console's own. It reaches its files relative to that, so
that it works behind a proxy that takes away a prefix of the path, which is not known here.
"""

import gzip
import hashlib
import importlib.resources
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from types import MappingProxyType

_PAGE = "index.html"
# What is served; whatever else lies beside it is not.
_MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
}
_DIGEST_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that the page loads; `compressed` (gzip) is None where that makes it no smaller."""

    content: bytes
    compressed: bytes | None
    media_type: str


class ConsoleFiles:
    """The page, and the files that it loads by their names under `assets/EDITION/`.

    The edition is a digest of all names and contents: an address never stands for two contents, and
    those of a release refer to each other without a word of it.
    """

    def __init__(self, folder: Traversable) -> None:
        self.assets: Mapping[str, Asset] = MappingProxyType(dict(_assets(folder)))
        self.edition = _digest(self.assets)
        page = (folder / _PAGE).read_text(encoding="utf-8")
        self._page = page.replace("{assets}", f"assets/{self.edition}")

    def page(self, below: str) -> bytes:
        """Return the page as it is at this raw path below the console's own."""
        return self._page.replace("{base}", way_up(below)).encode()


def installed_files() -> ConsoleFiles:
    """Return the files of the console that is installed with this program."""
    return ConsoleFiles(importlib.resources.files("command_api.console") / "assets")


def way_up(below: str) -> str:
    """Return the relative way from a raw path below the console's own up to that."""
    return "../" * below.count("/") or "./"


def _assets(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Asset]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        name = prefix + entry.name
        if entry.is_dir():
            yield from _assets(entry, f"{name}/")
        elif (media_type := _MEDIA_TYPES.get(_suffix(name))) is not None:
            yield name, _asset(entry.read_bytes(), media_type)


def _asset(content: bytes, media_type: str) -> Asset:
    compressed = gzip.compress(content, 9, mtime=0)
    return Asset(content, compressed if len(compressed) < len(content) else None, media_type)


def _digest(assets: Mapping[str, Asset]) -> str:
    digest = hashlib.sha256()
    for name, asset in sorted(assets.items()):
        # With their lengths: no two sets of files read the same.
        for part in (name.encode(), asset.content):
            digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()[:_DIGEST_LENGTH]


def _suffix(name: str) -> str:
    return name[name.rfind(".") :] if "." in name else ""
