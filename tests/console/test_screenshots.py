"""The pictures of the documentation, made from the demo's network: `make screenshots` keeps them.

`make test-long` makes them, too, for a page that can't be shown any more, and throws them away.
"""

import base64
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import expect

from tests.console.conftest import Viewing
from tests.console.viewing import encoded

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

MOST_BYTES = 150_000
FEWEST_COLOURS = 20
_WIDE = (1280, 860)
_NARROW = (390, 844)
# WebP says the same with a third of the bytes of a PNG.
_QUALITY = 0.85
# The image as WebP, its size, and how many colours it has.
_ENCODE = """async ([text, quality]) => {
  const answer = await fetch("data:image/png;base64," + text);
  const image = await createImageBitmap(await answer.blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { buffer } = context.getImageData(0, 0, image.width, image.height).data;
  const encoded = await canvas.convertToBlob({ type: "image/webp", quality });
  const bytes = new Uint8Array(await encoded.arrayBuffer());
  const binary = Array.from(bytes, byte => String.fromCharCode(byte)).join("");
  return [btoa(binary), image.width, image.height, new Set(new Uint32Array(buffer)).size];
}"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as it is shown in the documentation; `shows` must be on it before it is taken."""

    name: str
    address: str
    shows: str
    size: tuple[int, int] = _WIDE
    scheme: Literal["light", "dark"] = "light"

    def __str__(self) -> str:
        return self.name


PICTURES = (
    Picture("overview", "", ".figures"),
    Picture("overview-dark", "", ".figures", scheme="dark"),
    Picture("stations", "stations", "tbody a"),
    Picture("stations-narrow", "stations", "tbody a", size=_NARROW),
    Picture("station", "stations/:station_id", "h2"),
    Picture("messages", "stations/:station_id/messages", "main .exchanges, tbody tr"),
    Picture("refusal", "refusals/:refusal_id", "h2"),
    Picture("command", "stations/:station_id/commands/RemoteStartTransaction", "form"),
    Picture("transaction", "transactions/:transaction_id", "canvas, svg"),
    Picture("map", "map", ".ground a"),
    Picture("rollout", "rollouts/:rollout_id", "h2"),
)


@pytest.mark.parametrize("picture", PICTURES, ids=str)
async def test_a_picture_is_taken_and_shows_something(
    as_role: Viewing, things: dict[str, str], picture: Picture, tmp_path: Path
) -> None:
    kept = os.environ.get("CONSOLE_SCREENSHOTS")
    folder = Path(kept) if kept else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    width, height = picture.size
    options = {"viewport": {"width": width, "height": height}, "color_scheme": picture.scheme}
    address = re.sub(r":(\w+)", lambda name: encoded(things[name[1]]), picture.address)
    async with as_role("admin", **options) as viewer:
        await viewer.open(address)
        await viewer.settled()
        await expect(viewer.page.get_by_role("main").locator(picture.shows).first).to_be_visible()
        taken = await viewer.page.screenshot(animations="disabled")
        # Elsewhere than in the console, whose policy lets no script fetch such an address.
        blank = await viewer.context.new_page()
        encoding = [base64.b64encode(taken).decode(), _QUALITY]
        text, *size, colours = await blank.evaluate(_ENCODE, encoding)
    content = base64.b64decode(text)
    assert tuple(size) == picture.size
    assert colours >= FEWEST_COLOURS
    assert len(content) < MOST_BYTES
    (folder / f"{picture.name}.webp").write_bytes(content)
