"""What operators are told of consumers."""

from csms_shared.observability.system_notices import MINUTE_S, Notice
from csms_shared.values.levels import Level


def paused(queue: str, error: BaseException) -> Notice:
    """Tell that a queue is not consumed, because of this."""
    return Notice(
        "system.consumer_paused",
        queue,
        Level.WARNING,
        f"The queue {queue} is not consumed, because the database does not answer.",
        {"queue": queue, "error": str(error)[:200]},
        MINUTE_S,
    )


def resumed(queue: str, paused_s: float) -> Notice:
    """Tell that it is consumed again."""
    return Notice(
        "system.consumer_resumed",
        queue,
        Level.INFO,
        f"The queue {queue} is consumed again after {paused_s:.0f} s.",
        {"queue": queue, "paused_s": round(paused_s, 1)},
        MINUTE_S,
    )
