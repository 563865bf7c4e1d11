"""Frames that went wrong in every way: the core neither breaks nor grows.

`MUTATED_FRAMES` is how many; `make test-frames` sends 100,000, `make test-long` 20,000.
"""

import gc
import os
import sys
import tracemalloc

import pytest
from gateway_fakes.driven_core import DrivenCore

from csms_local.pytest_scale import scaled

_FRAMES = int(os.environ.get("MUTATED_FRAMES") or scaled(20_000, 5_000))
_SEED = 20261121
_STATIONS = (("accepted", False), ("accepted", True), ("pending", False), ("pending", True))


def _drive(core: DrivenCore, frames: int) -> None:
    for _ in range(frames):
        try:
            core.step()
        except Exception as error:
            raise AssertionError(f"after {core.last_frame!r}") from error


@pytest.mark.scaled
@pytest.mark.parametrize(("status", "strict"), _STATIONS)
def test_no_mutated_frame_breaks_the_core_or_is_left_unanswered(status: str, strict: bool) -> None:
    frames = _FRAMES // len(_STATIONS)
    core = DrivenCore(_SEED, status, strict=strict)
    _drive(core, 1_000)
    gc.collect()
    blocks = sys.getallocatedblocks()
    _drive(core, frames)
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 2_000
    core.finish()
    # The mutator is neither too rough nor too gentle.
    assert core.dispatches > frames / 20
    assert core.refusals > frames / 5


@pytest.mark.scaled
def test_mutated_frames_leave_no_bytes_in_memory() -> None:
    core = DrivenCore(_SEED, "accepted", strict=False)
    _drive(core, 1_000)
    core.finish()
    core = DrivenCore(_SEED + 1, "accepted", strict=False)
    tracemalloc.start()
    try:
        _drive(core, _FRAMES // 40)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        _drive(core, _FRAMES // 20)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        assert after - before < 200_000
        core.finish()
        del core
        gc.collect()
        left, _ = tracemalloc.get_traced_memory()
        assert left < 100_000
    finally:
        tracemalloc.stop()
