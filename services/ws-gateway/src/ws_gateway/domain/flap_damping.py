"""How long a service that was away has to answer before stations may rely on it again."""

from collections import deque

WINDOW_S = 300.0
LONGEST_S = 20.0


class FlapDamping:
    """Remembers a service's outages of the last `WINDOW_S` seconds.

    One outage may cost a station one of its three attempts. A service that dies again and again
    as soon as it is relied upon would be three outages in a minute, so from the second one on it
    has to show for a growing time that it stays; meanwhile stations queue, which costs nothing.
    """

    __slots__ = ("_answering_since", "_outages")

    def __init__(self) -> None:
        self._outages: deque[float] = deque(maxlen=8)
        self._answering_since: float | None = None

    def failed(self, now: float, *, first: bool) -> None:
        """Note that there was no answer; `first` where that begins an outage."""
        self._answering_since = None
        if first:
            self._outages.append(now)

    def answered(self, now: float) -> bool:
        """Note an answer; tell whether the service has answered for long enough."""
        if self._answering_since is None:
            self._answering_since = now
        return now - self._answering_since >= self._needed_s(now)

    def _needed_s(self, now: float) -> float:
        recent = sum(now - began <= WINDOW_S for began in self._outages)
        return 0.0 if recent < 2 else min(LONGEST_S, 2.0**recent)
