"""The console's files: which are served, what names them, how the page reaches them."""

import gzip
import re
from pathlib import Path

import pytest

from command_api.console.files import ConsoleFiles, installed_files, way_up


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A console of a few files, some of which are not served."""
    (tmp_path / "src/views").mkdir(parents=True)
    (tmp_path / "index.html").write_text('<base href="{base}"><script src="{assets}/a.js">')
    (tmp_path / "a.js").write_text("let a = 1;\n" * 50)
    (tmp_path / "src/views/fleet.css").write_text("a { color: red }")
    (tmp_path / "site.webmanifest").write_text("{}")
    (tmp_path / "LICENSE").write_text("no type")
    (tmp_path / "src/notes.md").write_text("none that is served")
    return tmp_path


def test_files_of_known_types_are_served_from_every_folder(folder: Path) -> None:
    files = ConsoleFiles(folder)
    assert {name: file.media_type for name, file in files.assets.items()} == {
        "a.js": "text/javascript; charset=utf-8",
        "site.webmanifest": "application/manifest+json",
        "src/views/fleet.css": "text/css; charset=utf-8",
    }


def test_a_file_is_compressed_where_that_makes_it_smaller_and_always_the_same(
    folder: Path,
) -> None:
    assets = ConsoleFiles(folder).assets
    script = assets["a.js"]
    assert script.compressed is not None
    assert len(script.compressed) < len(script.content)
    assert gzip.decompress(script.compressed) == script.content
    assert assets["site.webmanifest"].compressed is None
    assert ConsoleFiles(folder).assets == assets


def test_the_digest_changes_with_every_name_and_content_and_with_nothing_else(
    folder: Path,
) -> None:
    def digest() -> str:
        return ConsoleFiles(folder).edition

    found = [digest()]
    assert re.fullmatch("[0-9a-f]{16}", found[0])
    (folder / "src/notes.md").write_text("other notes")
    (folder / "index.html").write_text("another page")
    assert digest() == found[0]
    (folder / "a.js").write_text("let a = 2;")
    found.append(digest())
    (folder / "a.js").rename(folder / "b.js")
    found.append(digest())
    (folder / "b.js").rename(folder / "src/b.js")
    found.append(digest())
    (folder / "src/b.js").write_text("")
    found.append(digest())
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("below", "way"),
    [
        ("", "./"),
        ("stations", "./"),
        ("stations/", "../"),
        ("stations/ESC%2F1/messages", "../../"),
        ("/x", "../"),
    ],
)
def test_the_way_up_has_a_step_for_each_slash_as_it_was_sent(below: str, way: str) -> None:
    assert way_up(below) == way


def test_the_page_reaches_its_files_by_the_digest(folder: Path) -> None:
    files = ConsoleFiles(folder)
    page = f'<base href="../"><script src="assets/{files.edition}/a.js">'
    assert files.page("stations/1") == page.encode()


def test_the_installed_console_has_a_page_with_its_files_and_names_that_need_no_escape() -> None:
    files = installed_files()
    page = files.page("").decode()
    assert f"assets/{files.edition}/src/main.js" in page
    assert "{base}" not in page
    assert all(re.fullmatch(r"[\w.\-]+(/[\w.\-]+)*", name) for name in files.assets)
