"""The two clocks: wall time in milliseconds, and a monotonic one for leases and time-outs."""

import time
from datetime import UTC, datetime


def now_ms() -> int:
    """Return wall-clock time in milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


def utc_now() -> datetime:
    """Return wall-clock time, in UTC."""
    return datetime.fromtimestamp(time.time(), UTC)


def monotonic() -> float:
    """Return seconds of a clock that never jumps; only differences mean something."""
    return time.monotonic()
