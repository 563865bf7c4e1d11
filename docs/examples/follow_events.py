"""Follow events over restarts of either side: python follow_events.py URL POSITION_FILE [TYPE ...]

Needs httpx, and an API key in CSMS_API_KEY. Writes each event behind its position.
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx


def follow(url: str, key: str, types: list[str], file: Path) -> None:
    """Go on after the position in the file, for as long as the suite does not refuse it."""
    while True:
        headers = {"X-API-Key": key}
        if file.exists():
            headers["Last-Event-ID"] = file.read_text()
        # The suite sends something at least every 15 s.
        asked = httpx.stream("GET", url, params={"type": types}, headers=headers, timeout=40)
        with contextlib.suppress(httpx.TransportError), asked as answer:
            if answer.status_code == 200:
                read(lines_of(answer.iter_bytes()), file)
            elif answer.status_code < 500 and answer.status_code != 429:
                raise SystemExit(answer.read().decode())
        time.sleep(1)


def lines_of(chunks: Iterable[bytes]) -> Iterator[str]:
    """Divide at line feeds, and at nothing else that ends lines in Unicode: texts may hold that."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode() for line in lines)


def read(lines: Iterable[str], file: Path) -> None:
    """Take each event, and then note its position."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
            continue
        if "data" in fields:
            take(fields["id"], json.loads(fields["data"]))
        if "id" in fields:
            new = file.with_suffix(".new")
            new.write_text(fields["id"])
            new.replace(file)
        fields = {}


def take(position: str, event: object) -> None:
    """Do what is to be done. Whoever dies before the position is noted gets the event again."""
    sys.stdout.write(f"{position} {json.dumps(event)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    url, file, *types = sys.argv[1:]
    follow(f"{url}/api/v1/events", os.environ["CSMS_API_KEY"], types, Path(file))
