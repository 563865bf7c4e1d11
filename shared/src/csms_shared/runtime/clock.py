"""Clocks: wall time, a monotonic one for leases and time-outs, and the time spent computing."""

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


def cpu_time() -> float:
    """Return seconds that this thread has computed; only differences mean something.

    What takes long by the monotonic clock may have been stopped, or had to wait for a core.
    """
    return time.thread_time()
