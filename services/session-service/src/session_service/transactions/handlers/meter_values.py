"""Which transaction a call's meter values belong to, and what they say against it."""

from collections.abc import Mapping, Sequence

from session_service.metering.domain import MeterReport, Sample, sample_flags
from session_service.metering.store import SampleKey, StoredSample
from session_service.transactions.domain.matching import Candidates, transaction_of_samples
from session_service.transactions.domain.stops import Named, Transaction
from session_service.values.suspicion import Flag


def place_report(
    report: MeterReport, known: Mapping[Named, Transaction], candidates: Candidates
) -> Transaction | None:
    """Return the transaction of a report, None where exactly one can't be told."""
    if report.named is not None and report.named in known:
        return known[report.named]
    if not report.samples:
        return None
    return transaction_of_samples(candidates, report)


def suspicions(report: MeterReport, transaction: Transaction) -> frozenset[str]:
    """Return the flags of the transaction that are new with this report."""
    found = sample_flags(report.samples, transaction.meter_start, report.received_at)
    if report.named is not None and report.named != transaction.named:
        found.add(Flag.VALUES_MATCHED_WITHOUT_ID)
    return (frozenset(found) | report.untold) - transaction.flags


def stored_samples(report: MeterReport, transaction_id: int | None) -> list[StoredSample]:
    """Return the rows of a report."""
    received_ms = int(report.received_at.timestamp() * 1000)
    return [
        StoredSample(sample, report.station_id, report.connector_id, transaction_id, received_ms)
        for sample in report.samples
    ]


def sample_keys(samples: Sequence[Sample]) -> list[SampleKey]:
    """Return the keys that the values have in the table."""
    return [(sample.sampled_at, sample.digest) for sample in samples]
