"""The level of a recorded frame, and of what is said of a whole recording (flight-recorder.md)."""

import re
from collections.abc import Iterable

from csms_shared.contracts.recordings import Direction, RecordedFrame
from csms_shared.values.levels import Level

# An answer that took longer is late: stations wait for less before they ask again.
LATE_MS = 10_000
# Not OCPP's: a frame that is neither a call nor an answer, and an answer to nothing.
UNREADABLE = "Unreadable"
STRAY_ANSWER = "StrayAnswer"
_CALL_ERROR = re.compile(r"\s*\[\s*4\s*,")


def level_of(frame: RecordedFrame) -> Level:
    """Return the level of a frame, or of a gap."""
    if frame.error == STRAY_ANSWER or frame.direction == Direction.GAP:
        return Level.WARNING
    if frame.error is not None or _CALL_ERROR.match(frame.text):
        return Level.ERROR
    if frame.tolerated or (frame.latency_ms or 0) >= LATE_MS:
        return Level.WARNING
    return Level.INFO


def worst_of(frames: Iterable[RecordedFrame]) -> Level:
    """Return the worst level among frames."""
    return max((level_of(frame) for frame in frames), key=lambda level: level.rank)
