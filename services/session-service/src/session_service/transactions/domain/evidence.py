"""What else was said about a transaction, and why it does not count (ADR 0026)."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from session_service.metering.domain import sample_digest, sample_source
from session_service.transactions.domain.stops import Stop, Transaction


class Why(StrEnum):
    """Why it does not count.

    `CLOSED_BY_HAND`: an operator closed the transaction. `MATCHED_WITHOUT_ID`: it did not name
    the transaction, and what counts did. `REPEATED`: it says what counts once more. `LATER`: the
    station sent another stop before. `UNKNOWN_VERSION`: only a newer program can read it.
    """

    CLOSED_BY_HAND = "closed_by_hand"
    MATCHED_WITHOUT_ID = "matched_without_id"
    REPEATED = "repeated"
    LATER = "later"
    UNKNOWN_VERSION = "unknown_version"


def why_not_counted(transaction: Transaction, stop: Stop) -> Why | None:
    """Return why a stop of the transaction does not count, None for the one that does."""
    if transaction.closed:
        return Why.CLOSED_BY_HAND
    if stop.stamp == transaction.stop_stamp:
        return None
    if stop.named_id != transaction.station_transaction_id and not transaction.stop_matched:
        return Why.MATCHED_WITHOUT_ID
    return Why.REPEATED if transaction.ended_like(stop) else Why.LATER


class StoredValue(NamedTuple):
    """A stored value as far as it tells under which id it was sent."""

    digest: bytes
    connector_id: int | None
    parts: tuple[str | None, ...]
    raw: str


def named(station_id: str, named_id: str, value: StoredValue) -> bool:
    """Tell whether the value was sent under this id of a transaction, alone or with its stop.

    Its digest tells, which was made of the id as sent.
    """
    return any(
        value.digest
        == sample_digest(sample_source(station_id, connector_id, named_id), value.parts, value.raw)
        for connector_id in (value.connector_id, None)
    )


def any_named(station_id: str, named_id: str, values: Iterable[StoredValue]) -> bool:
    """Tell whether one of these was sent under this id of a transaction."""
    return any(named(station_id, named_id, value) for value in values)
