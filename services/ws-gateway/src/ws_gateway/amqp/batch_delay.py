"""How long lanes wait to fill their next batch, learnt from how long the services take to answer.

The broker confirms a message long before a service has handled it. With lanes that go by confirms
alone, each gateway more makes batches smaller and the services slower, which are the bottleneck.
"""

_SHARE = 1 / 3
_LONGEST_S = 0.03
_WEIGHT = 0.1
_LOST_S = 5.0
# Of what nobody has asked for so long, nothing is known: stations that only report need not wait.
_FORGOTTEN_AFTER_S = 1.0


class BatchDelay:
    """Follows one decision at a time from its arrival to its answer.

    A busy service's answers take long: waiting for a share of that time delays an answer by
    less than the time that fewer batches save. An idle one's come at once, and so does the next
    batch.
    """

    def __init__(self) -> None:
        self._delay_s = 0.0
        self._learnt_at = 0.0
        self._followed: tuple[str, int] | None = None
        self._asked_at = 0.0

    def pause_s(self, now: float) -> float:
        """Return how long to wait after a batch of several items, 30 ms at most."""
        if now - self._learnt_at > _FORGOTTEN_AFTER_S + self._delay_s:
            return 0.0
        return min(self._delay_s * _SHARE, _LONGEST_S)

    def asked(self, connection_id: str, seq: int, now: float) -> None:
        """Note a decision that a service is asked for, unless another is being followed."""
        if self._followed is None or now - self._asked_at > _LOST_S:
            self._followed = (connection_id, seq)
            self._asked_at = now

    def answered(self, connection_id: str, seq: int, now: float) -> None:
        """Learn from the answer, if it is the one that is being followed."""
        if self._followed == (connection_id, seq):
            self._followed = None
            self._learnt_at = now
            self._delay_s += _WEIGHT * (now - self._asked_at - self._delay_s)
