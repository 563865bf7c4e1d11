"""What every line of a log says of itself, and that no call says it in its place."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("nothing_collected")

SOURCES = Path(__file__).parents[3]
LINE_OF_ALL = """
import logging
import threading
from csms_shared.observability.logs import configure_logs
import structlog
configure_logs("gateway-1", "json")
def say():
    try:
        raise ValueError("x")
    except ValueError:
        structlog.get_logger("here").exception("happened")
say()
logging.getLogger("a.library").warning("said")
thread = threading.Thread(target=say)
thread.start()
thread.join()
"""
METHODS = {"debug", "info", "warning", "error", "exception", "critical", "bind", "_log"}


def _lines() -> list[dict[str, str]]:
    told = subprocess.run(
        [sys.executable, "-c", LINE_OF_ALL], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in told.stderr.splitlines()]


def test_each_line_names_the_service_that_logs_it_whoever_writes_in_whichever_thread() -> None:
    lines = _lines()
    assert [(line["service"], line["event"]) for line in lines] == [
        ("gateway-1", "happened"),
        ("gateway-1", "said"),
        ("gateway-1", "happened"),
    ]


def _fields_given(source: str) -> Iterator[tuple[str, str]]:
    """Yield the event and each field of every call that logs."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in METHODS
        ):
            event = ast.unparse(node.args[0]).strip("'") if node.args else ""
            yield from ((event, word.arg) for word in node.keywords if word.arg)


def test_no_call_gives_a_field_that_the_line_has_of_its_own() -> None:
    own = set(_lines()[0])
    assert own == {"service", "level", "event", "timestamp", "logger", "exception"}
    given = {
        (path.name, *said)
        for pattern in ("*/src/**/*.py", "services/*/src/**/*.py")
        for path in SOURCES.glob(pattern)
        for said in _fields_given(path.read_text())
    }
    assert ("services.py", "service_away", "peer_service") in given
    assert ("connection_handler.py", "connection_ended", "reason") in given
    assert [one for one in sorted(given) if one[2] in own] == []
