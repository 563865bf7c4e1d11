"""All text is in the catalogue, and the catalogue holds no other."""

import re

from tests.console.installed import ASSETS

SOURCES = ASSETS / "src"
CATALOGUE = SOURCES / "texts"
_KEY = re.compile(r'^\s+"?([a-z_][\w.\-]*)"?:', re.MULTILINE)
_USED = re.compile(r'\bt\(\s*"([^"]+)"')
_TITLED = re.compile(r'\btitle: "([^"]+)"')
# Keys that are put together: t(`word.${value}`).
_PREFIX = re.compile(r"`([a-z_]+\.[\w.]*)\$\{")


def _code() -> str:
    return "\n".join(
        file.read_text() for file in sorted(SOURCES.rglob("*.js")) if CATALOGUE not in file.parents
    )


def _keys() -> list[str]:
    return [
        key
        for file in sorted((CATALOGUE / "en").glob("*.js"))
        for key in _KEY.findall(file.read_text())
        if key not in ("one", "other")
    ]


def test_every_text_that_is_used_is_in_the_catalogue() -> None:
    code = _code()
    titles = _TITLED.findall((SOURCES / "pages.js").read_text())
    assert {*_USED.findall(code), *titles} - set(_keys()) == set()


def test_no_text_is_in_the_catalogue_twice() -> None:
    keys = _keys()
    assert sorted({key for key in keys if keys.count(key) > 1}) == []


def test_every_text_of_the_catalogue_is_used() -> None:
    code = _code()
    prefixes = ("word.", *_PREFIX.findall(code))
    quoted = {*_USED.findall(code), *re.findall(r'"([^"\s]+)"', code)}
    unused = [key for key in _keys() if key not in quoted and not key.startswith(prefixes)]
    assert unused == []
