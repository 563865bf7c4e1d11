import io
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from csms_local.errors import StartupError
from csms_local.processes import Program
from csms_local.progress import Console
from csms_local.supervisor import Supervisor

# Of a machine with much else to do.
WITHIN_S = 60.0


class Watched:
    """A supervisor with what it printed and how often it told of a new pid."""

    def __init__(self) -> None:
        self.printed = io.StringIO()
        self.changes = 0
        self.supervisor = Supervisor(Console(self.printed), self._changed)

    def _changed(self) -> None:
        self.changes += 1

    def check_until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not reached():
            assert time.monotonic() < deadline, self.printed.getvalue()
            self.supervisor.check()
            time.sleep(0.01)


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched = Watched()
    yield watched
    watched.supervisor.kill_all()


def python(folder: Path, name: str, code: str) -> Program:
    return Program(name, (sys.executable, "-c", code), {}, folder / f"{name}.log", folder)


SLEEPS_S = 60
SLEEPER = f"import time; time.sleep({SLEEPS_S})"


def always_ready() -> bool:
    return True


def test_a_killed_child_is_reported_and_restarted(watched: Watched, tmp_path: Path) -> None:
    watched.supervisor.start(python(tmp_path, "sleeper", SLEEPER), always_ready)
    first = watched.supervisor.pids["sleeper"]
    os.kill(first, signal.SIGKILL)
    watched.check_until(lambda: watched.supervisor.pids["sleeper"] != first)
    watched.check_until(lambda: "ready again" in watched.printed.getvalue())
    assert "sleeper ended (signal 9); restarting it in 0.2 s" in watched.printed.getvalue()
    assert watched.changes == 2


def test_the_delay_grows_with_every_short_life(watched: Watched, tmp_path: Path) -> None:
    watched.supervisor.start(python(tmp_path, "broken", "raise SystemExit(3)"), always_ready)
    watched.check_until(lambda: "restarting it in 2 s" in watched.printed.getvalue())
    lines = [line for line in watched.printed.getvalue().splitlines() if "ended" in line]
    assert [line.split("restarting it in ")[1].split(" s")[0] for line in lines] == [
        "0.2",
        "1",
        "2",
    ]
    assert "(status 3)" in lines[0]


def test_an_end_at_start_up_is_an_error_with_the_end_of_the_log(
    watched: Watched, tmp_path: Path
) -> None:
    code = "raise SystemExit('CSMS_SOMETHING is missing')"
    watched.supervisor.start(python(tmp_path, "broken", code), lambda: False)
    with pytest.raises(StartupError, match="CSMS_SOMETHING is missing"):
        watched.supervisor.wait_until_ready(["broken"], WITHIN_S)


def test_what_is_not_ready_in_time_is_named(watched: Watched, tmp_path: Path) -> None:
    watched.supervisor.start(python(tmp_path, "slow", SLEEPER), lambda: False)
    with pytest.raises(StartupError, match="slow was not ready"):
        watched.supervisor.wait_until_ready(["slow"], 0.2)


def test_a_child_that_ignores_its_signal_is_ended_by_force(
    watched: Watched, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    code = (
        "import signal, time, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"pathlib.Path({str(ready)!r}).touch(); {SLEEPER}"
    )
    watched.supervisor.start(python(tmp_path, "deaf", code), ready.exists)
    watched.supervisor.wait_until_ready(["deaf"], WITHIN_S)
    pid = watched.supervisor.pids["deaf"]
    started = time.monotonic()
    watched.supervisor.stop(["deaf"], 0.3)
    # It would have gone on for a minute.
    assert time.monotonic() - started < SLEEPS_S / 2
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert watched.supervisor.pids == {}


def test_a_short_program_that_fails_is_named(watched: Watched, tmp_path: Path) -> None:
    good = python(tmp_path, "good", "")
    bad = python(tmp_path, "bad", "raise SystemExit('no such schema')")
    watched.supervisor.run_to_end([good], WITHIN_S)
    with pytest.raises(StartupError, match=r"bad failed \(status 1\)[^$]*no such schema"):
        watched.supervisor.run_to_end([good, bad], WITHIN_S)
