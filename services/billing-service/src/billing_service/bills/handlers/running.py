"""What sessions have cost so far: calculated as at the end, of what is known until now.

It is for people who look, so it never takes more than its share: the more sessions go on, the older
what is shown of each.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from billing_service.bills.domain.pricing import ByTariff, Known, Priced, priced
from billing_service.bills.handlers.asking import Ask, known_of_sessions
from billing_service.bills.handlers.choosing import choose_apart
from billing_service.bills.handlers.events import Event, cost_changed
from billing_service.bills.store.sessions import (
    Key,
    Running,
    claim_running,
    keep_running,
    lock_sessions,
)
from billing_service.database.service_tables import outbox
from csms_shared.db.engine import in_transaction
from csms_shared.db.isolation import apply_isolated
from csms_shared.db.outbox import write_events
from csms_shared.runtime.clock import monotonic
from csms_shared.runtime.errors import Unavailable

log = structlog.get_logger(__name__)

AT_ONCE = 50
LOOKED_EVERY_S = 1.0
# After each round it rests so many times as long as that took.
_RESTS = 3.0


class RunningCosts:
    """Keeps what open sessions have cost so far. `wake` is told when events were committed."""

    def __init__(self, engine: AsyncEngine, ask: Ask, wake: Callable[[], None]) -> None:
        self._engine = engine
        self._ask = ask
        self._wake = wake

    async def run(self) -> None:
        """Calculate what is due until cancelled."""
        while True:
            began = monotonic()
            try:
                await self.round()
            except Unavailable as error:
                log.warning("running_costs_wait", error=str(error)[:200])
            except Exception:
                # Our own defect: what is due later is none of its business.
                log.exception("running_costs_failed")
            await asyncio.sleep(max(LOOKED_EVERY_S, _RESTS * (monotonic() - began)))

    async def round(self) -> int:
        """Calculate what sessions have cost so far, and return how many were claimed.

        Raises:
            Unavailable: the database, or another service, is away. The next figures bring it again.
        """
        claims = await in_transaction(self._engine, lambda one: claim_running(one, AT_ONCE))
        if not claims:
            return 0
        found = await known_of_sessions(self._ask, [one.key for one in claims])
        known = {
            key: one
            for key, one in found.items()
            if isinstance(one, Known) and one.subject.stopped_at is None
        }
        by, failed = await choose_apart(self._engine, claims, known)
        for key, error in failed.items():
            log.error("session_unpriceable", key=key, error=repr(error)[:500])
            del known[key]
        running = await asyncio.to_thread(_running_all, known, by)
        _, failures = await apply_isolated(self._engine, running, _keep)
        for failure in failures:
            log.error("running_cost_unkept", key=failure.work.key, error=repr(failure.error)[:500])
        self._wake()
        return len(claims)


async def _keep(connection: AsyncConnection, running: Sequence[Running]) -> list[None]:
    rows = await lock_sessions(connection, [one.key for one in running])
    going_on = [one for one in running if rows[one.key].revision == 0]
    await keep_running(connection, going_on)
    events: list[Event] = []
    for one in going_on:
        row, cost = rows[one.key], one.cost
        told = None if row.running is None else _amounts(row.running)
        if cost is not None and _amounts(cost) != told:
            events.append(cost_changed(*one.key, row.station_id, cost, one.measured_at))
    await write_events(connection, outbox, events)
    return []


def _amounts(cost: dict[str, object]) -> tuple[object, ...]:
    return cost["currency"], cost["total_excl_vat"], cost["total_incl_vat"]


def _running_all(known: dict[Key, Known], by: dict[Key, ByTariff]) -> list[Running]:
    running: list[Running] = []
    for key, one in sorted(known.items(), key=lambda item: item[0]):
        try:
            running.append(_running(key, one, by.get(key)))
        except Exception:
            log.exception("session_unpriceable", key=key)
    return running


def _running(key: Key, known: Known, by: ByTariff | None) -> Running:
    result = None if by is None else priced(known, by)
    return Running(
        key=key,
        cost=None if result is None else _shown(result),
        measured_at=known.measured_at(),
        site_id=known.subject.site_id,
        tags=known.subject.tags,
    )


def _shown(result: Priced) -> dict[str, object]:
    by = result.by
    return {
        **result.cost,
        "tariff_id": str(by.tariff_id),
        "tariff_name": by.name,
        "tariff_version": by.version,
        "assignment_id": None if by.assignment_id is None else str(by.assignment_id),
        "time_zone": result.time_zone,
    }
