"""Settling what is due, sessions and reservations: asked for, priced, and kept as bills at once.

Any number of replicas do it side by side. A claim is only a time until which others leave a session
alone: what decides is the row, locked when the bill is kept, and how many bills it has by then.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from billing_service.bills.domain.bill import Bill, Outcome, outcome, taken_back
from billing_service.bills.domain.pricing import ByTariff, Known, Priced, priced
from billing_service.bills.domain.subject import reservation_of
from billing_service.bills.handlers.asking import Ask, NotAnswered, known_of_some
from billing_service.bills.handlers.choosing import choose_apart
from billing_service.bills.handlers.events import CREDITED, HELD, ISSUED, Event, bill_told
from billing_service.bills.handlers.sending import send
from billing_service.bills.store.bills import (
    add_bills,
    bills_by_id,
    close_bills,
    unsent_credits,
)
from billing_service.bills.store.sessions import (
    Claim,
    Key,
    Postponed,
    Settled,
    claim_due,
    hand_back,
    lock_sessions,
    postpone,
    settle,
)
from billing_service.cdrs.store.records import Numbered
from billing_service.database.service_tables import outbox
from csms_shared.contracts.billing import BillKind, BillStatus
from csms_shared.contracts.session_facts import ReservationFactsView
from csms_shared.db.engine import in_transaction
from csms_shared.db.isolation import Failure, apply_isolated
from csms_shared.db.outbox import write_events
from csms_shared.runtime.clock import monotonic, utc_now
from csms_shared.runtime.errors import Unavailable

log = structlog.get_logger(__name__)

AT_ONCE = 50
LOOKED_EVERY_S = 0.5
# What could not be asked for is asked for again soon; what is wrong of itself, not so soon.
_AWAY_S, _LONGEST_AWAY_S = 1.0, 60.0
_WRONG_S, _LONGEST_WRONG_S = 15.0, 3600.0
# One that has failed so often is asked for alone: it may be what the others wait for.
_ALONE_AFTER = 2
# What nothing was begun with by then waits for another round. With an answer that is waited for,
# and a session that takes long to price, a round ends well before its claims do.
ROUND_S = 10.0
# So long sessions are priced before those that are ready are kept; at least one is.
SLICE_S = 1.0


@dataclass(frozen=True, slots=True)
class Ready:
    """A session or reservation with its price, or without where no tariff is assigned.

    `is_free`: nothing is to be paid for it, whatever its tariff; of sessions none is.
    """

    claim: Claim
    known: Known
    priced: Priced | None
    is_free: bool


@dataclass(slots=True)
class Round:
    """When a round has to end. However long its questions took, it settles something."""

    until: float
    has_priced: bool = False

    def is_over(self) -> bool:
        """Tell whether nothing more may be begun."""
        return self.has_priced and monotonic() > self.until


class Settling:
    """One of those who settle. `wake` is told when events have been committed.

    Tenants don't wait for each other's sessions: each is asked for by itself, and they are priced
    by turns, a slice of time of one after a slice of another.
    """

    def __init__(self, engine: AsyncEngine, ask: Ask, wake: Callable[[], None]) -> None:
        self._engine = engine
        self._ask = ask
        self._wake = wake
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Settle what is due until cancelled."""
        while True:
            try:
                claimed = await self.round()
            except Unavailable as error:
                log.warning("settling_waits", error=str(error)[:200])
                claimed = 0
            except Exception:
                # Our own defect: what was claimed is due again, and others are settled meanwhile.
                log.exception("settling_failed")
                claimed = 0
            if claimed < AT_ONCE:
                await asyncio.sleep(LOOKED_EVERY_S)

    async def round(self) -> int:
        """Settle sessions that are due, and return how many were claimed.

        Raises:
            Unavailable: the database is away; what was claimed is due again soon.
        """
        claims = await in_transaction(self._engine, lambda one: claim_due(one, AT_ONCE))
        if not claims:
            return 0
        # What is not answered of reservations puts off no session.
        together: dict[tuple[str, bool], list[Claim]] = {}
        alone = [[one] for one in claims if one.attempts >= _ALONE_AFTER]
        for one in claims:
            if one.attempts < _ALONE_AFTER:
                of_reservation = reservation_of(one.transaction_id) is not None
                together.setdefault((one.tenant_id, of_reservation), []).append(one)
        groups = [*together.values(), *alone]
        # In another order each time: where they are too many for a round, none is always the last.
        random.shuffle(groups)
        current = Round(monotonic() + ROUND_S)
        ends = await asyncio.gather(
            *(self._settle(group, current) for group in groups),
            return_exceptions=True,
        )
        self._wake()
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return len(claims)

    async def _settle(self, claims: list[Claim], current: Round) -> None:
        """Settle sessions of a tenant, answer after answer."""
        portions = [claims]
        while portions:
            if current.is_over():
                await self._hand_back(one for portion in portions for one in portion)
                return
            portion = portions.pop()
            try:
                known, later = await known_of_some(
                    self._ask, portion[0].tenant_id, [one.transaction_id for one in portion]
                )
            except NotAnswered:
                portions += [[one] for one in portion]
                continue
            except Unavailable as error:
                left = [*portion, *(one for others in portions for one in others)]
                log.warning("facts_away", sessions=len(left), error=str(error)[:200])
                await self._postpone([_away(one) for one in left])
                return
            await self._settle_known(
                [one for one in portion if one.transaction_id not in later], known, current
            )
            if later:
                portions.append([one for one in portion if one.transaction_id in later])

    async def _settle_known(
        self, claims: Sequence[Claim], known: Mapping[Key, Known | str], current: Round
    ) -> None:
        """Price sessions, and keep those that are ready before the next are priced."""
        facts, wrong = _to_price(claims, known)
        by, failed = await choose_apart(self._engine, claims, facts)
        claimed = {one.key: one for one in claims}
        # Those that take long come last.
        left = sorted(facts, key=lambda key: (facts[key].size(), key))
        while left:
            async with self._turn:
                if current.is_over():
                    break
                # In a thread: the event loop goes on meanwhile.
                results = await asyncio.to_thread(
                    _priced_for_a_while,
                    [failed.get(key) or (facts[key], by.get(key)) for key in left],
                )
                current.has_priced = True
            done, left = left[: len(results)], left[len(results) :]
            ready: list[Ready] = []
            for key, result in zip(done, results, strict=True):
                if isinstance(result, Exception):
                    wrong.append(_wrong(claimed[key], f"it can't be priced: {_shortly(result)}"))
                else:
                    ready.append(_ready(claimed[key], facts[key], result))
            failures = await self._keep_apart(ready)
            wrong += [
                _wrong(one.work.claim, f"it can't be kept: {_shortly(one.error)}")
                for one in failures
            ]
        await self._hand_back(claimed[key] for key in left)
        for one in wrong:
            if one.problem is not None:
                log.error("session_held_back", key=one.claim.key, problem=one.problem)
        await self._postpone(wrong)

    async def _keep_apart(self, ready: Sequence[Ready]) -> list[Failure[Ready]]:
        """Keep all at once, or, where that fails, each by itself; return those that fail.

        In a transaction of its own: numbers of records are locked after sessions, never before.
        """
        if len(ready) > 1:
            try:
                await in_transaction(self._engine, lambda one: self._keep(one, ready))
            except Unavailable:
                raise
            except Exception:
                log.exception("batch_isolated", sessions=len(ready))
            else:
                return []
        failures: list[Failure[Ready]] = []
        for one in ready:
            failures += (await apply_isolated(self._engine, [one], self._keep))[1]
        return failures

    async def _postpone(self, postponed: Sequence[Postponed]) -> None:
        if postponed:
            await in_transaction(self._engine, lambda one: postpone(one, postponed))

    async def _hand_back(self, claims: Iterable[Claim]) -> None:
        if left := [*claims]:
            log.info("sessions_handed_back", tenant_id=left[0].tenant_id, sessions=len(left))
            await in_transaction(self._engine, lambda one: hand_back(one, left))

    async def _keep(self, connection: AsyncConnection, ready: Sequence[Ready]) -> list[None]:
        """Keep bills, records, events and what has become of the sessions."""
        if not ready:
            return []
        rows = await lock_sessions(connection, [one.claim.key for one in ready])
        # Whoever had the claim before, and was only slow, has settled it.
        mine = [one for one in ready if _is_as_claimed(rows[one.claim.key], one.claim)]
        held = [one.claim.bill_id for one in mine if one.claim.bill_id is not None]
        holding = await bills_by_id(connection, held) if held else {}
        now = utc_now()
        made: list[Bill] = []
        sent: list[Bill] = []
        settled: list[Settled] = []
        for one in sorted(mine, key=lambda one: one.claim.key):
            before = None if one.claim.bill_id is None else holding[one.claim.bill_id]
            came = _outcome(one, before)
            made += came.made
            if came.superseded is not None:
                await close_bills(connection, [came.superseded.bill_id], None, None)
                if came.sent or came.holds is None:
                    # What was sent before it is still to be taken back.
                    sent += await _waiting_credits(connection, one.claim.key)
            sent += came.sent
            settled.append(_settled(one, came))
        await add_bills(connection, made, now)
        records = await send(connection, sent)
        await settle(connection, settled)
        # Credits that waited, then what is new: of each session in its order.
        new = {one.bill_id for one in made}
        told = [*(one for one in sent if one.bill_id not in new), *made]
        await write_events(
            connection, outbox, [_event(one, records.get(one.bill_id)) for one in told]
        )
        return []


def _is_as_claimed(row: Row[Any], claim: Claim) -> bool:
    """Tell whether nobody has settled it since the claim, whether or not that made a bill."""
    return (row.sequence, row.calculated_at) == (claim.sequence, claim.calculated_at)


async def _waiting_credits(connection: AsyncConnection, key: Key) -> list[Bill]:
    credits = await unsent_credits(connection, *key)
    await close_bills(connection, [one.bill_id for one in credits], None, None)
    return credits


def _outcome(ready: Ready, before: Bill | None) -> Outcome:
    if ready.is_free:
        return taken_back(before, ready.claim.sequence)
    if ready.priced is None:
        return Outcome(before)
    if before is not None and ready.known.has_lost(before.facts):
        # More was known when it was billed.
        return Outcome(before)
    return outcome(ready.claim.tenant_id, before, ready.priced, ready.claim.sequence)


def _settled(ready: Ready, came: Outcome) -> Settled:
    claim, known, holds = ready.claim, ready.known, came.holds
    without = BillStatus.FINAL if ready.is_free else BillStatus.UNPRICED
    return Settled(
        claim=claim,
        revision=known.revision,
        state=without if holds is None else holds.status,
        sequence=claim.sequence + len(came.made),
        bill_id=None if holds is None else holds.bill_id,
        site_id=known.subject.site_id,
        tags=known.subject.tags,
    )


def _event(bill: Bill, record: Numbered | None) -> Event:
    if bill.kind is BillKind.CREDIT:
        return bill_told(CREDITED, bill, record)
    return bill_told(ISSUED if bill.status is BillStatus.FINAL else HELD, bill, record)


def _to_price(
    claims: Iterable[Claim], known: Mapping[Key, Known | str]
) -> tuple[dict[Key, Known], list[Postponed]]:
    """Return the sessions of which enough is known, and those that have to wait."""
    facts: dict[Key, Known] = {}
    wrong: list[Postponed] = []
    for claim in claims:
        found = known[claim.key]
        if isinstance(found, str):
            wrong.append(_wrong(claim, found))
        elif found.revision < max(claim.revision, 1):
            # Its end is told, and not known yet to whoever was asked.
            wrong.append(_away(claim))
        else:
            facts[claim.key] = found
    return facts, wrong


def _ready(claim: Claim, known: Known, price: Priced | None) -> Ready:
    nothing = price is not None and price.costs_nothing
    of_reservation = isinstance(known.subject, ReservationFactsView)
    return Ready(claim, known, price, of_reservation and (nothing or not known.is_billable))


def _priced_for_a_while(
    sessions: Sequence[tuple[Known, ByTariff | None] | Exception],
) -> list[Priced | Exception | None]:
    """Price sessions, the first and as many more as are begun in a slice of time."""
    until = monotonic() + SLICE_S
    results: list[Priced | Exception | None] = []
    for one in sessions:
        results.append(one if isinstance(one, Exception) else _priced(*one))
        if monotonic() > until:
            break
    return results


def _priced(known: Known, by: ByTariff | None) -> Priced | Exception | None:
    try:
        return priced(known, by) if known.is_billable and by is not None else None
    except Exception as error:
        # Whatever is wrong with one holds back that one: its neighbours are billed.
        log.exception("session_unpriceable", transaction_id=known.number)
        return error


def _shortly(error: Exception) -> str:
    # What is no ValueError of our own may have statements and rows in its text.
    told = str(error) if isinstance(error, ValueError) else type(error).__name__
    return told.replace("\x00", " ")


def _away(claim: Claim) -> Postponed:
    again_s = min(_AWAY_S * 2 ** min(claim.attempts, 20), _LONGEST_AWAY_S)
    return Postponed(claim, again_s, None)


def _wrong(claim: Claim, problem: str) -> Postponed:
    again_s = min(_WRONG_S * 2 ** min(claim.attempts, 20), _LONGEST_WRONG_S)
    return Postponed(claim, again_s, problem[:1000])
