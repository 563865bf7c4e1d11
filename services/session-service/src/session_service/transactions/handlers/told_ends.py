"""How a transaction's end is told: once, and again where it turns out otherwise (ADR 0027)."""

from csms_shared.contracts.event_data.transactions import Correction
from session_service.handling.events import Event
from session_service.transactions.domain.stops import Stop, Transaction
from session_service.transactions.handlers.events import (
    transaction_corrected,
    transaction_stopped,
)


def told_of_end(before: Transaction, after: Transaction, stop: Stop) -> Event | None:
    """Return the event of what `stop`, the best one now, has changed, None where it has not.

    The event is the revision that follows on the one of `before`.
    """
    if after.closed:
        return transaction_corrected(before, after, Correction.STOP_AFTER_CLOSE, stop)
    if before.stopped_at is None:
        return transaction_stopped(after)
    if before.end == after.end:
        return None
    named_now = before.stop_matched and not after.stop_matched
    correction = Correction.OWN_STOP if named_now else Correction.EARLIER_STOP
    return transaction_corrected(before, after, correction)
