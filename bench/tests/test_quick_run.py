import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SECONDS = 400


def test_a_quick_run_finds_everything_that_it_was_promised(tmp_path: Path) -> None:
    """One load of each kind that is checked in its own way, and one that has its own suite."""
    charging = ("sessions", "starts", "meter-values-after-10k", "events", "sessions-over-3")
    cases = (*charging, "connect", "commands", "queries")
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
    assert "event, committed to" in run.stdout
    assert "sessions-over-3 round 1, suite" in run.stdout
