import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from csms_local.leftovers import ChildRecord, start_time

RUN_FOR = "import time; time.sleep({})"


@pytest.fixture
def short_lived() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", RUN_FOR.format(0.5)]) as child:
        yield child
        child.kill()


@pytest.fixture
def long_lived() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", RUN_FOR.format(600)]) as child:
        yield child
        child.kill()


def test_a_new_start_waits_for_the_children_of_a_killed_suite(
    tmp_path: Path, short_lived: subprocess.Popen[bytes]
) -> None:
    record = ChildRecord(tmp_path / "children.json")
    record.write([short_lived.pid])
    record.end_leftovers()
    assert start_time(short_lived.pid) is None
    assert not (tmp_path / "children.json").exists()


def test_another_process_that_got_the_pid_is_left_alone(
    tmp_path: Path, long_lived: subprocess.Popen[bytes]
) -> None:
    record = tmp_path / "children.json"
    record.write_text(f'{{"{long_lived.pid}": "1"}}')
    waiting = threading.Thread(target=ChildRecord(record).end_leftovers)
    waiting.start()
    waiting.join(timeout=60)
    assert not waiting.is_alive()
    assert long_lived.poll() is None


def test_without_a_record_there_is_nothing_to_wait_for(tmp_path: Path) -> None:
    ChildRecord(tmp_path / "children.json").end_leftovers()
