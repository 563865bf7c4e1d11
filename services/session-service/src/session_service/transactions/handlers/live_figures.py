"""Live figures of open transactions: kept with the values that bring them, told now and then."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from session_service.handling.events import Event
from session_service.metering.domain import MeterCall
from session_service.transactions.domain.live_figures import Figures, figures_of
from session_service.transactions.domain.starts import TransactionStatus
from session_service.transactions.domain.stops import Transaction
from session_service.transactions.handlers.events import transaction_updated
from session_service.transactions.store.live_figures import keep_live_figures


@dataclass(slots=True)
class LiveChanges:
    """What a batch brings: figures of open transactions, and the ids of those that it ended.

    `of` has all of them.
    """

    measured: dict[int, Figures] = field(default_factory=dict)
    of: dict[int, Transaction] = field(default_factory=dict)
    ended: Collection[int] = ()


def live_changes(
    reports: Iterable[tuple[MeterCall, Transaction | None]],
    before: Mapping[int, Transaction],
    after: Mapping[int, Transaction],
) -> LiveChanges:
    """Gather what reports say of transactions; `before` and `after` have those that were locked."""
    ended = {
        row_id: one
        for row_id, one in after.items()
        if one.end is not None and before[row_id].end is None
    }
    changes = LiveChanges(of=dict(ended), ended=ended.keys())
    for meter, transaction in reports:
        if transaction is None:
            continue
        current = after.get(transaction.id, transaction)
        if current.status != TransactionStatus.ACTIVE:
            continue
        figures = figures_of(meter.report, current.meter_start)
        known = changes.measured.get(current.id)
        changes.measured[current.id] = figures if known is None else known.with_others(figures)
        changes.of[current.id] = current
    return changes


async def keep_live(connection: AsyncConnection, changes: LiveChanges) -> list[Event]:
    """Store live figures, and return the events of those that are to be told now.

    To be called when all else is written: others wait for these rows until the commit.
    """
    tenants = {row_id: one.tenant_id for row_id, one in changes.of.items()}
    told = await keep_live_figures(connection, changes.measured, changes.ended, tenants)
    return [transaction_updated(changes.of[row_id], live) for row_id, live in told.items()]
