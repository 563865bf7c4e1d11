"""How a transaction's end is told: once, and again where it turns out otherwise (ADR 0027)."""

from dataclasses import replace

from session_service.domain.stops import Stop, Transaction
from session_service.handlers.events import (
    Correction,
    Event,
    transaction_corrected,
    transaction_stopped,
)


def told_of_end(
    before: Transaction, after: Transaction, stop: Stop
) -> tuple[list[Event], Transaction]:
    """Return the event of what `stop`, the best one now, has changed, if it has.

    And the transaction with the revision that the event tells.
    """
    told = replace(after, revision=before.revision + 1)
    if after.closed:
        return [transaction_corrected(before, told, Correction.STOP_AFTER_CLOSE, stop)], told
    if before.end is None:
        return [transaction_stopped(told)], told
    if before.end == after.end:
        return [], after
    named_now = before.stop_matched and not after.stop_matched
    correction = Correction.OWN_STOP if named_now else Correction.EARLIER_STOP
    return [transaction_corrected(before, told, correction)], told
