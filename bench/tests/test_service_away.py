import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.service_away import BILLING_SERVICE, INTEGRATION_SERVICE, gated_programs


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    own = tmp_path / "bin"
    own.mkdir()
    (own / "python").symlink_to(sys.executable)
    for service in (INTEGRATION_SERVICE, BILLING_SERVICE):
        program = own / service
        program.write_text(f'#!/bin/sh\necho "ran {service} $@"\n')
        program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(own / "python"))
    return gated_programs(tmp_path)


def test_all_programs_are_there(programs: Path) -> None:
    assert (programs / "python").resolve() == Path(os.path.realpath(sys.executable))
    for service in (INTEGRATION_SERVICE, BILLING_SERVICE):
        command = [str(programs / service), "serve"]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        assert run.stdout == f"ran {service} serve\n"


def test_nothing_starts_while_the_gate_is_shut(programs: Path) -> None:
    with (programs.parent / f"{BILLING_SERVICE}.gate").open() as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        started = subprocess.Popen(
            [programs / BILLING_SERVICE, "serve"], stdout=subprocess.PIPE, text=True
        )
        # The other one has a gate of its own.
        other = [str(programs / INTEGRATION_SERVICE), "serve"]
        subprocess.run(other, capture_output=True, check=True, timeout=60)
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                started.wait(0.5)
            fcntl.flock(gate, fcntl.LOCK_UN)
            assert started.communicate(timeout=60)[0] == f"ran {BILLING_SERVICE} serve\n"
        finally:
            started.kill()
