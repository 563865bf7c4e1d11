"""Which destinations of an outbox did not take what was published to them last."""

from dataclasses import dataclass

import structlog

from csms_shared.broker.topology import EVENTS
from csms_shared.db.outbox_messages import Destination
from csms_shared.db.outbox_notices import tell_recovered, tell_refusing
from csms_shared.observability.system_notices import Tell, tell_nobody
from csms_shared.runtime.clock import monotonic

log = structlog.get_logger(__name__)

# A subscriber's queue that takes nothing for so long misses what is told from then on.
KEPT_FOR_S = 300.0
_FIRST_TURN_S = 1.0
_LONGEST_TURN_S = {EVENTS: 60.0}
_LONGEST_INTERNAL_TURN_S = 5.0
# A destination without events for so long is taken for well again.
_FORGOTTEN_AFTER_S = 120.0


@dataclass(slots=True)
class _Refusal:
    since: float
    last: float
    next_turn: float
    wait_s: float
    is_certain: bool = False


class Refusals:
    """What one process remembers of them; bounded by the number of routing keys."""

    def __init__(self, tell: Tell = tell_nobody) -> None:
        self._tell = tell
        self._known: dict[Destination, _Refusal] = {}

    def refuses(self, destination: Destination) -> bool:
        """Tell whether it did not take the last message to it, or not at once."""
        known = self._known.get(destination)
        return known is not None and monotonic() - known.last < _FORGOTTEN_AFTER_S

    def refuses_for_good(self, destination: Destination) -> bool:
        """Tell whether it has taken nothing for longer than anything is kept for it."""
        known = self._known.get(destination)
        return (
            known is not None
            and self.refuses(destination)
            and monotonic() - known.since > KEPT_FOR_S
        )

    def is_its_turn(self, destination: Destination) -> bool:
        """Tell whether to try one that refuses again by now; its next turn is later each time."""
        known = self._known.get(destination)
        now = monotonic()
        if known is None or now < known.next_turn:
            return False
        known.next_turn = now + known.wait_s
        longest_s = _LONGEST_TURN_S.get(destination.exchange, _LONGEST_INTERNAL_TURN_S)
        known.wait_s = min(known.wait_s * 2, longest_s)
        return True

    def slow(self, destination: Destination) -> None:
        """Remember that it has not taken a message yet; whether it refuses will show."""
        self._note(destination)

    def refused(self, destination: Destination) -> None:
        """Remember that it did not take a message while the broker answered."""
        known = self._note(destination)
        if not known.is_certain:
            known.is_certain = True
            log.warning(
                "events_refused", exchange=destination.exchange, key=destination.routing_key
            )
            tell_refusing(self._tell, destination)

    def _note(self, destination: Destination) -> _Refusal:
        now = monotonic()
        if not self.refuses(destination):
            self._known[destination] = _Refusal(now, now, now + _FIRST_TURN_S, _FIRST_TURN_S * 2)
        known = self._known[destination]
        known.last = now
        return known

    def taken(self, destination: Destination) -> None:
        """Remember that it took a message."""
        known = self._known.pop(destination, None)
        if known is not None and known.is_certain:
            log.info(
                "events_taken_again",
                exchange=destination.exchange,
                key=destination.routing_key,
                after_s=round(monotonic() - known.since, 1),
            )
            tell_recovered(self._tell, destination, monotonic() - known.since)

    def refusing(self, exchange: str) -> list[str]:
        """Return the routing keys that are refused at an exchange now."""
        return sorted(
            one.routing_key
            for one, known in self._known.items()
            if one.exchange == exchange and known.is_certain and self.refuses(one)
        )
