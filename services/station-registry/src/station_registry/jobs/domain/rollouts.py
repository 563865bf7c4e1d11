"""How far rollouts go next."""

from collections.abc import Sequence
from dataclasses import dataclass

from csms_shared.contracts.requests import Problem
from csms_shared.contracts.rollouts import RolloutStatus

_MAY = {
    "pause": (RolloutStatus.RUNNING,),
    "resume": (RolloutStatus.PAUSED, RolloutStatus.STOPPED),
    "cancel": (RolloutStatus.RUNNING, RolloutStatus.PAUSED, RolloutStatus.STOPPED),
}
_BECOMES = {
    "pause": RolloutStatus.PAUSED,
    "resume": RolloutStatus.RUNNING,
    "cancel": RolloutStatus.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class RolloutCounts:
    """Stations of a rollout: not started, with an open job, ended without success."""

    waiting: int
    open: int
    failed: int


@dataclass(frozen=True, slots=True)
class RolloutStep:
    """How many jobs to start now, and the status of the rollout after that."""

    start: int
    status: RolloutStatus


def next_step(
    counts: RolloutCounts, concurrency: int, stop_after_failures: int | None, forgiven: int
) -> RolloutStep:
    """Return what a running rollout does next."""
    if counts.waiting == 0:
        return RolloutStep(0, RolloutStatus.RUNNING if counts.open else RolloutStatus.COMPLETED)
    if stop_after_failures is not None and counts.failed - forgiven >= stop_after_failures:
        return RolloutStep(0, RolloutStatus.STOPPED)
    return RolloutStep(
        min(counts.waiting, max(0, concurrency - counts.open)), RolloutStatus.RUNNING
    )


def fair_shares(wanted: Sequence[int], most: int) -> list[int]:
    """Return how many of `most` each gets: all that it wants, or as many as any other gets."""
    shares, left = [0] * len(wanted), most
    modest_first = sorted(range(len(wanted)), key=lambda index: wanted[index])
    for place, index in enumerate(modest_first):
        shares[index] = min(wanted[index], left // (len(wanted) - place))
        left -= shares[index]
    return shares


def steered(status: RolloutStatus, wish: str) -> RolloutStatus | Problem:
    """Return the status that an operator's wish leads to, or why it can't be had."""
    if status not in _MAY[wish]:
        return Problem(
            status=409, code="rollout_not_open", detail=f"the rollout is {status}: no {wish}"
        )
    return _BECOMES[wish]
