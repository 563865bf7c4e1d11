"""What belongs to a transaction although its id does not say so (OCPP 1.6 errata 3.18, ADR 0026).

The order in which the station sent things (their stamps) decides. Times have to fit as well where
both sides' clocks can be believed, and never make up for an order that does not fit.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from session_service.metering.domain import MeterReport
from session_service.transactions.domain.stops import Stop, Transaction, decide_stop
from session_service.values.stamps import Stamp
from session_service.values.suspicion import clock_flags

# Of each connector, how many of the starts before a report are looked at: only the last one can be
# what it means, and values of before may come with the one that follows.
LAST_STARTS = 3


@dataclass(frozen=True, slots=True)
class Candidates:
    """Transactions of a station that reports may mean.

    For each report the last ones of each connector before it, and what others need besides.
    """

    transactions: Collection[Transaction] = ()
    has_several_connectors: bool = False

    def admit(self, names_one: bool, token_key: str | None) -> bool:
        """Tell whether what names no transaction of the station may be matched at all.

        Its id is another system's, if it can be one: where nothing else names the transaction, only
        a station of one connector leaves no doubt.
        """
        return not (names_one and not token_key and self.has_several_connectors)

    def with_end(self, transaction: Transaction, stop: Stop) -> "Candidates":
        """Return what is known once this stop of a transaction has been stored.

        What is matched after it must not depend on whether it is stored at the same time.
        """
        ended = decide_stop(transaction, stop, {})
        known = [ended if one.id == ended.id else one for one in self.transactions]
        return replace(self, transactions=known)

    def find(self, transaction: Transaction) -> Transaction:
        """Return this transaction as it is known here."""
        return next((one for one in self.transactions if one.id == transaction.id), transaction)


def transaction_of_stop(candidates: Candidates, stop: Stop) -> Transaction | None:
    """Return the one transaction of the station that this stop can mean.

    Of each connector that can only be the last one started before it. A 1.6 stop names no
    connector; token and time have to fit. A transaction that ended with this very stop is meant
    too: it is the same stop, sent again. One that was closed by hand is meant where none runs.
    """
    if not candidates.admit(stop.names_one, stop.token_key):
        return None
    last = _last_of_each_connector(candidates.transactions, stop.stamp)
    for transaction in last:
        if _is_its_stop(transaction, stop):
            return transaction
    fitting = [
        transaction
        for transaction in last
        if (not stop.token_key or stop.token_key == transaction.token_key)
        and _times_fit(transaction, stop)
    ]
    running = [transaction for transaction in fitting if transaction.ran_at(stop.stamp)]
    closed = [
        transaction
        for transaction in fitting
        if transaction.closed and transaction.stop_stamp is None
    ]
    meant = running or closed
    return meant[0] if len(meant) == 1 else None


def transaction_of_samples(candidates: Candidates, report: MeterReport) -> Transaction | None:
    """Return the one transaction that ran on the connector when the values were sampled.

    A transaction without a stop ran until the next start of its connector.
    """
    if not candidates.admit(report.names_one, None):
        return None
    at = min(sample.sampled_at for sample in report.samples)
    untimed = bool(report.untold or clock_flags(at, report.received_at))
    before = sorted(
        (
            transaction
            for transaction in candidates.transactions
            if transaction.connector_id == report.connector_id and transaction.stamp < report.stamp
        ),
        key=lambda transaction: transaction.stamp,
    )
    # What is older may be there for another report, without those that followed on it.
    before = before[-LAST_STARTS:]
    following: Sequence[Transaction | None] = [*before[1:], None]
    fitting = [
        transaction
        for transaction, successor in zip(before, following, strict=False)
        if (
            successor is None and transaction.ran_at(report.stamp)
            if untimed or transaction.has_odd_clock
            else _ran_then(transaction, successor, at)
        )
    ]
    return fitting[0] if len(fitting) == 1 else None


def _last_of_each_connector(
    transactions: Collection[Transaction], stamp: Stamp
) -> list[Transaction]:
    last: dict[int, Transaction] = {}
    for transaction in sorted(transactions, key=lambda transaction: transaction.stamp):
        if transaction.stamp < stamp:
            last[transaction.connector_id] = transaction
    return list(last.values())


def _is_its_stop(transaction: Transaction, stop: Stop) -> bool:
    # Copies of a stop without a time were each received at their own. Sessions without a meter that
    # one reset ends have time and register in common.
    return (
        transaction.stop_stamp is not None
        and transaction.meter_stop == stop.meter_stop
        and transaction.stop_id_token == stop.id_token
        and transaction.stop_reason == stop.reason
        and (stop.told_at is None or transaction.stopped_at == stop.stopped_at)
    )


def _times_fit(transaction: Transaction, stop: Stop) -> bool:
    if transaction.has_odd_clock or clock_flags(stop.sent_at, stop.received_at):
        return True
    return transaction.started_at <= stop.stopped_at


def _ran_then(transaction: Transaction, successor: Transaction | None, at: datetime) -> bool:
    if at < transaction.started_at:
        return False
    if transaction.stopped_at is not None:
        return at <= transaction.stopped_at
    if successor is None:
        return True
    return not successor.has_odd_clock and at < successor.started_at
