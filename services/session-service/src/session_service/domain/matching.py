"""What belongs to a transaction although its id does not say so (OCPP 1.6 errata 3.18)."""

from collections.abc import Iterable
from datetime import datetime

from session_service.domain.stops import Stop, Transaction


def transaction_of_stop(candidates: Iterable[Transaction], stop: Stop) -> Transaction | None:
    """Return the one open transaction of the station that this stop can mean.

    A 1.6 stop names no connector; token and time have to fit. A transaction that ended with this
    very stop is meant too: it is the same stop, sent again.
    """
    fitting: list[Transaction] = []
    for candidate in candidates:
        if candidate.is_open:
            if candidate.started_at <= stop.stopped_at and (
                not stop.token_key or stop.token_key == candidate.token_key
            ):
                fitting.append(candidate)
        elif (
            candidate.stop_stamp is not None
            and candidate.stopped_at == stop.stopped_at
            and candidate.meter_stop == stop.meter_stop
        ):
            return candidate
    return fitting[0] if len(fitting) == 1 else None


def transaction_of_samples(
    candidates: Iterable[Transaction], connector_id: int, sampled_at: datetime
) -> Transaction | None:
    """Return the one transaction that ran on the connector when the values were sampled."""
    fitting = [
        candidate
        for candidate in candidates
        if candidate.connector_id == connector_id
        and candidate.started_at <= sampled_at
        and (candidate.stopped_at is None or sampled_at <= candidate.stopped_at)
    ]
    return fitting[0] if len(fitting) == 1 else None
