import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.integration_away import SERVICE, gated_programs


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    own = tmp_path / "bin"
    own.mkdir()
    (own / "python").symlink_to(sys.executable)
    program = own / SERVICE
    program.write_text('#!/bin/sh\necho "ran $@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(own / "python"))
    return gated_programs(tmp_path)


def test_all_programs_are_there(programs: Path) -> None:
    assert (programs / "python").resolve() == Path(os.path.realpath(sys.executable))
    run = subprocess.run([programs / SERVICE, "serve"], capture_output=True, text=True, check=True)
    assert run.stdout == "ran serve\n"


def test_nothing_starts_while_the_gate_is_shut(programs: Path) -> None:
    with (programs.parent / f"{SERVICE}.gate").open() as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        started = subprocess.Popen([programs / SERVICE, "serve"], stdout=subprocess.PIPE, text=True)
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                started.wait(0.5)
            fcntl.flock(gate, fcntl.LOCK_UN)
            assert started.communicate(timeout=60)[0] == "ran serve\n"
        finally:
            started.kill()
