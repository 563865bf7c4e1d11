"""Who follows events has each of them once and in order, whatever is restarted meanwhile."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from csms_local.suite import Suite
from csms_simulator.operator import Operator
from tests.integration.waiting import eventually

EXAMPLE = Path(__file__).parents[2] / "docs/examples/follow_events.py"
SITES = 30
# Ends no line of a stream.
LINE_SEPARATED = "Followed\u2028on"
Told = list[tuple[int, dict[str, Any]]]


@pytest.fixture
async def key(operator: Operator) -> str:
    """An API key that may read."""
    wanted = {"name": secrets.token_hex(6), "role": "viewer"}
    made = await operator.http.post("/api-keys", json=wanted)
    assert made.status_code == 201, made.text
    return str(made.json()["key"])


@contextlib.asynccontextmanager
async def following(url: str, key: str, folder: Path, number: int) -> AsyncIterator[Path]:
    """Run the example of the documentation; yield where it writes what it is told."""
    told, position = folder / f"told-{number}", folder / "position.txt"
    command = (sys.executable, str(EXAMPLE), url, str(position), "site.*")
    env = {**os.environ, "CSMS_API_KEY": key, "NO_PROXY": "*"}
    with told.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, env=env)
        try:
            # It has begun, or gone on, once it has noted where.
            await eventually(lambda: _value(position.exists()), bool, 60)
            yield told
            assert process.returncode is None
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def test_a_follower_misses_nothing_and_is_told_nothing_twice(
    suite: Suite, operator: Operator, key: str, tmp_path: Path
) -> None:
    names = [f"followed-{secrets.token_hex(4)}-{number}" for number in range(SITES)]
    url = suite.state().rest_url
    async with following(url, key, tmp_path, 1) as first:
        for name in names[:10]:
            await _made(operator, name)
        await _kill(suite, "command-api")
        for name in names[10:15]:
            await _made(operator, name)
        await _kill(suite, "integration-service")
        for name in names[15:20]:
            await _made(operator, name)
        await eventually(lambda: _value(_of(first, names)), lambda told: len(told) == 20, 90)
    # What happens while nobody follows is told to who goes on.
    for name in names[20:25]:
        await _made(operator, name)
    async with following(url, key, tmp_path, 2) as second:
        for name in names[25:]:
            await _made(operator, name)
        await eventually(lambda: _value(_of(second, names)), lambda told: len(told) == 10, 90)
    told = _of(first, names) + _of(second, names)
    positions = [position for position, _ in told]
    assert positions == sorted(set(positions))
    assert {event["subject"] for _, event in told} == set(names)
    assert told == await _history(operator, positions[0] - 1, names)


async def _made(operator: Operator, name: str) -> None:
    """Make a site; what was not answered is asked again until it is there."""

    async def status() -> int:
        try:
            body = {"site_id": name, "name": LINE_SEPARATED}
            return (await operator.http.post("/sites", json=body)).status_code
        except httpx.TransportError:
            return 0

    await eventually(status, lambda code: code in (201, 409), 60)


async def _kill(suite: Suite, service: str) -> None:
    before = suite.state().services[service]
    os.kill(before, signal.SIGKILL)
    await eventually(
        lambda: _value(suite.state().services.get(service)),
        lambda pid: pid not in (None, before),
        60,
    )


def _of(file: Path, names: list[str]) -> Told:
    """Return what was told of these sites; a line that is not whole yet is left out."""
    lines = file.read_text().split("\n")[:-1]
    told = [(int(line.split(" ")[0]), json.loads(line.partition(" ")[2])) for line in lines]
    return [(position, event) for position, event in told if event["subject"] in names]


async def _history(operator: Operator, after: int, names: list[str]) -> Told:
    items: Told = []
    query: dict[str, Any] = {"after": after, "type": "site.*", "limit": 7}
    while True:
        page = await operator.get("/events/history", **query)
        items += [(item["position"], item["event"]) for item in page["items"]]
        if page["next_cursor"] is None:
            return [one for one in items if one[1]["subject"] in names]
        query["cursor"] = page["next_cursor"]


async def _value(value: Any) -> Any:
    return value
