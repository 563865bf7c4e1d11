"""The console as it is served: its page at every address, its files by what they hold."""

import gzip
import re

import httpx
import pytest
from command_api_fakes import is_problem

from command_api.console.files import installed_files

pytestmark = pytest.mark.asyncio(loop_scope="package")

FILES = installed_files()
ASSETS = f"/console/assets/{FILES.edition}"
OTHER_RELEASE = "/console/assets/0123456789abcdef"


@pytest.mark.parametrize("path", ["/", "/console"])
async def test_who_asks_for_the_root_is_sent_to_the_console_beside_it(
    nobody: httpx.AsyncClient, path: str
) -> None:
    answer = await nobody.get(path)
    # Relative, so that a prefix that a proxy has taken away stays.
    assert (answer.status_code, answer.headers["location"]) == (307, "console/")


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("/console/", "./"),
        ("/console/stations", "./"),
        ("/console/stations/", "../"),
        ("/console/stations/ESC%2F1/messages", "../../"),
        ("/console/stations?q=a/b/c", "./"),
        ("/console/assets", "./"),
    ],
)
async def test_the_page_is_at_every_address_and_names_the_way_up(
    nobody: httpx.AsyncClient, path: str, base: str
) -> None:
    answer = await nobody.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert f'<base href="{base}"' in answer.text
    assert f'"assets/{FILES.edition}/src/main.js"' in answer.text
    assert "{" not in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; base-uri 'self'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


async def test_what_the_page_loads_is_there_from_wherever_it_is_opened(
    nobody: httpx.AsyncClient,
) -> None:
    for path in ("/console/", "/console/stations/ESC%2F1/messages"):
        page = await nobody.get(path)
        (base,) = re.findall(r'<base href="([^"]*)"', page.text)
        loaded = re.findall(r'(?:src|href)="(assets/[^"]*)"', page.text)
        assert loaded
        for reference in loaded:
            answer = await nobody.get(str(page.url.join(base).join(reference)))
            assert answer.status_code == 200, answer.url
            assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("name", sorted(FILES.assets))
async def test_a_file_is_kept_for_ever_by_its_digest_and_looked_at_again_by_another(
    nobody: httpx.AsyncClient, name: str
) -> None:
    file = FILES.assets[name]
    named = await nobody.get(f"{ASSETS}/{name}")
    other = await nobody.get(f"{OTHER_RELEASE}/{name}")
    for answer in (named, other):
        assert (answer.status_code, answer.content) == (200, file.content)
        assert answer.headers["content-type"] == file.media_type
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert named.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert other.headers["cache-control"] == "no-cache"


async def test_a_file_is_sent_compressed_to_who_takes_that(rest_url: str) -> None:
    name = next(name for name, file in FILES.assets.items() if file.compressed is not None)
    path = f"{rest_url}{ASSETS}/{name}"
    for accepted, compressed in (("gzip, br", True), ("identity", False), ("gzip;q=0", False)):
        async with (
            httpx.AsyncClient(trust_env=False) as client,
            client.stream("GET", path, headers={"Accept-Encoding": accepted}) as answer,
        ):
            sent = b"".join([part async for part in answer.aiter_raw()])
        assert ("content-encoding" in answer.headers) is compressed
        assert int(answer.headers["content-length"]) == len(sent)
        assert (gzip.decompress(sent) if compressed else sent) == FILES.assets[name].content
        assert answer.headers["vary"] == "Accept-Encoding"


async def test_head_of_page_and_file_answers_as_get_does(nobody: httpx.AsyncClient) -> None:
    for path in ("/", "/console/a/b", f"{ASSETS}/src/main.js"):
        same = {"X-Request-ID": "same"}
        get, head = await nobody.get(path, headers=same), await nobody.head(path, headers=same)
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert {**head.headers, "date": ""} == {**get.headers, "date": ""}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nothing.js",
        "src",
        "src/",
        "index.html",
        "..%2Findex.html",
        "%2e%2e/files.py",
        "src%2Fmain.js",
        "/src/main.js",
        "../../../settings.py",
    ],
)
async def test_no_file_has_another_name_than_its_own(nobody: httpx.AsyncClient, name: str) -> None:
    # As it is written, which httpx would make shorter.
    url = nobody.base_url.copy_with(raw_path=f"{ASSETS}/{name}".encode())
    is_problem(await nobody.get(url), 404, "not_found")
