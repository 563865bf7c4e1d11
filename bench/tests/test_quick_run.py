import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
# Of a machine with much else to do.
SECONDS = 1_800


def _quick_run(tmp_path: Path, *cases: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--only", *cases],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    assert "0 differences between what was acknowledged and what is stored" in run.stdout
    return run.stdout


def test_a_quick_run_finds_everything_that_it_was_promised(tmp_path: Path) -> None:
    """One load of each kind that is checked in its own way."""
    charging = ("sessions", "starts", "meter-values-after-10k", "events")
    printed = _quick_run(tmp_path, *charging, "connect", "commands", "queries")
    assert "event, committed to" in printed


@pytest.mark.long
def test_a_load_that_has_its_own_suite_is_measured_beside_one_that_shares_its(
    tmp_path: Path,
) -> None:
    printed = _quick_run(tmp_path, "light", "sessions-over-3")
    for case in ("light", "sessions-over-3"):
        assert f"{case} round 1, suite" in printed
