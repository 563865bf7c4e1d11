"""The bounds of one connection; one object is shared by all connections of a process."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes and times; a station's own call time-out is 20 to 60 s in the field."""

    call_deadline_s: float = 10.0
    queued_calls: int = 32
    queued_bytes: int = 2 * 1024 * 1024
    queued_commands: int = 16
    remembered_commands: int = 256
    abandoned_commands: int = 32
    answer_timeout_s: float = 30.0
    unanswered_commands: int = 3
    triggers_at_once: int = 60
    trigger_interval_s: float = 1.0
    ping_interval_s: float = 60.0


DEFAULT_LIMITS = Limits()
