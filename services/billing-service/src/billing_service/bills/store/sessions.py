"""Sessions: told by events, claimed when they are due, and what has become of them."""

# ruff: noqa: S608 - the statements are joined from constants of this module

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Boolean, Double, Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_service.bills.tables import session
from csms_shared.contracts.billing import BillStatus
from csms_shared.db.row_arrays import arrays, columns_of, unnest
from csms_shared.db.tenancy import of_tenant

Key = tuple[str, int]
# Whoever claimed a session and is gone, holds it no longer than this.
CLAIMED_S = 30.0
RUNNING_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Told:
    """What events say of a session. `revision`: that of its end, 0 where they tell of none.

    `has_late_values`: there are values of it that came after its end.
    """

    tenant_id: str
    transaction_id: int
    station_id: str
    revision: int
    has_figures: bool
    has_late_values: bool


_TOLD = columns_of(
    session, "tenant_id", "transaction_id", "station_id", "revision", has_figures=Boolean()
)
# In any order, and however often: the highest revision counts, and nothing is due twice for it.
_FOLLOW = text(
    "INSERT INTO session AS s "
    "(tenant_id, transaction_id, station_id, state, revision, due_at, running_due_at) "
    "SELECT tenant_id, transaction_id, station_id, "
    "CASE WHEN revision > 0 THEN 'settling' ELSE 'running' END, revision, "
    "CASE WHEN revision > 0 THEN now() + make_interval(secs => :delay_s) END, "
    "CASE WHEN revision = 0 AND has_figures THEN now() END "
    f"FROM {unnest(_TOLD)} ORDER BY tenant_id, transaction_id "
    "ON CONFLICT (tenant_id, transaction_id) DO UPDATE SET "
    "revision = greatest(s.revision, excluded.revision), "
    "state = CASE WHEN excluded.revision > s.revision AND s.bill_id IS NULL "
    "THEN 'settling' ELSE s.state END, "
    "due_at = CASE WHEN excluded.revision > s.revision THEN excluded.due_at ELSE s.due_at END, "
    "told = CASE WHEN excluded.revision > s.revision THEN s.told + 1 ELSE s.told END, "
    "attempts = CASE WHEN excluded.revision > s.revision THEN 0 ELSE s.attempts END, "
    "running_due_at = CASE WHEN excluded.revision = 0 THEN coalesce(s.running_due_at, "
    "greatest(excluded.running_due_at, "
    f"s.calculated_at + interval '{RUNNING_EVERY_S} s')) END "
    "WHERE excluded.revision > s.revision "
    "OR (s.revision = 0 AND excluded.running_due_at IS NOT NULL)"
)


_KEY = columns_of(session, "tenant_id", "transaction_id")
# What is due is not put off. What has no tariff is not billed by values, and an end that is not
# told yet finds them.
_VALUES_LATE = text(
    "UPDATE session SET told = told + 1, "
    "due_at = coalesce(due_at, now() + make_interval(secs => :delay_s)) "
    f"FROM {unnest(_KEY, 'late')} WHERE session.tenant_id = late.tenant_id "
    "AND session.transaction_id = late.transaction_id "
    "AND session.revision > 0 AND session.state <> 'unpriced'"
)


async def follow(connection: AsyncConnection, told: Collection[Told], delay_s: float) -> None:
    """Keep what events say; sessions that have ended are due after `delay_s`."""
    rows = [
        (one.tenant_id, one.transaction_id, one.station_id, one.revision, one.has_figures)
        for one in told
    ]
    # All rows at once, in the order of their keys: what is followed beside it waits, in no circle.
    late = [(one.tenant_id, one.transaction_id) for one in told if one.has_late_values]
    if late:
        await lock_sessions(connection, [(tenant_id, id) for tenant_id, id, *_ in rows])
    await connection.execute(_FOLLOW, {**arrays(_TOLD, rows), "delay_s": delay_s})
    if late:
        await connection.execute(_VALUES_LATE, {**arrays(_KEY, late), "delay_s": delay_s})


@dataclass(frozen=True, slots=True)
class Claim:
    """A session that is due, as it was when it was claimed."""

    tenant_id: str
    transaction_id: int
    revision: int
    sequence: int
    attempts: int
    bill_id: UUID | None
    told: int
    calculated_at: datetime | None
    due_at: datetime | None

    @property
    def key(self) -> Key:
        """What names it."""
        return self.tenant_id, self.transaction_id


# Of each tenant by turns: who has much that is due keeps nobody else waiting. Tenants are found by
# the index, one step for each; of those candidates that others are claiming right now, none is
# waited for. They are locked one by one, in their order, until there are enough: to order them once
# more would lock all, and leave nothing to others.
_DUE = (
    "WITH RECURSIVE waiting(tenant_id) AS ("
    "(SELECT tenant_id FROM session WHERE due_at IS NOT NULL ORDER BY tenant_id LIMIT 1) "
    "UNION ALL SELECT (SELECT s.tenant_id FROM session AS s WHERE s.due_at IS NOT NULL "
    "AND s.tenant_id > waiting.tenant_id ORDER BY s.tenant_id LIMIT 1) "
    "FROM waiting WHERE waiting.tenant_id IS NOT NULL), "
    "candidate AS MATERIALIZED (SELECT turn.* FROM waiting CROSS JOIN LATERAL ("
    "SELECT s.tenant_id, s.transaction_id, s.due_at, "
    "row_number() OVER (ORDER BY s.due_at, s.transaction_id) AS turn "
    "FROM session AS s WHERE s.tenant_id = waiting.tenant_id AND s.due_at <= now() "
    "ORDER BY s.due_at, s.transaction_id LIMIT :looked_at) AS turn "
    "ORDER BY turn.turn, turn.due_at LIMIT :looked_at) "
)
_CLAIM = text(
    f"{_DUE}UPDATE session SET due_at = now() + interval '{CLAIMED_S} s' FROM ("
    "SELECT locked.* FROM candidate CROSS JOIN LATERAL ("
    "SELECT s.tenant_id, s.transaction_id, s.due_at AS was_due_at FROM session AS s "
    "WHERE s.tenant_id = candidate.tenant_id AND s.transaction_id = candidate.transaction_id "
    "AND s.due_at <= now() FOR UPDATE SKIP LOCKED) AS locked LIMIT :most) AS due "
    "WHERE session.tenant_id = due.tenant_id AND session.transaction_id = due.transaction_id "
    "RETURNING session.*, due.was_due_at"
)
# How many others may be claiming at once, and each still finds something.
_CLAIMANTS = 8
# What is lost with whoever claimed it is calculated with the next figures.
_CLAIM_RUNNING = text(
    "UPDATE session SET running_due_at = NULL FROM (SELECT tenant_id, transaction_id FROM session "
    "WHERE running_due_at <= now() ORDER BY running_due_at LIMIT :most FOR UPDATE SKIP LOCKED) "
    "AS due WHERE session.tenant_id = due.tenant_id "
    "AND session.transaction_id = due.transaction_id "
    "RETURNING session.*, CAST(NULL AS timestamptz) AS was_due_at"
)


async def claim_due(connection: AsyncConnection, most: int) -> list[Claim]:
    """Claim sessions that are due for a bill, by turns of tenants, each one's oldest first.

    Others that are claiming are not waited for.
    """
    named = {"most": most, "looked_at": most * _CLAIMANTS}
    claims = [_claim(row) for row in await connection.execute(_CLAIM, named)]
    return sorted(claims, key=lambda one: (one.due_at, one.key))


async def claim_running(connection: AsyncConnection, most: int) -> list[Claim]:
    """Claim sessions that go on, and whose cost so far is due."""
    return [_claim(row) for row in await connection.execute(_CLAIM_RUNNING, {"most": most})]


def _claim(row: Row[Any]) -> Claim:
    return Claim(
        row.tenant_id,
        row.transaction_id,
        row.revision,
        row.sequence,
        row.attempts,
        row.bill_id,
        row.told,
        row.calculated_at,
        row.was_due_at,
    )


_LOCK = text(
    f"SELECT session.* FROM session JOIN {unnest(_KEY)} USING (tenant_id, transaction_id) "
    "ORDER BY tenant_id, transaction_id FOR UPDATE OF session"
)


async def lock_sessions(connection: AsyncConnection, keys: Iterable[Key]) -> dict[Key, Row[Any]]:
    """Return the rows of sessions, which nobody else changes until the commit."""
    found = await connection.execute(_LOCK, arrays(_KEY, sorted(keys)))
    return {(row.tenant_id, row.transaction_id): row for row in found}


@dataclass(frozen=True, slots=True)
class Settled:
    """What has become of a session that was due; `bill_id` is the bill that holds."""

    claim: Claim
    revision: int
    state: BillStatus
    sequence: int
    bill_id: UUID | None
    site_id: str | None
    tags: Sequence[str]


_SETTLED = columns_of(
    session,
    "tenant_id",
    "transaction_id",
    "revision",
    "state",
    "sequence",
    "bill_id",
    "site_id",
    "tags",
    "told",
)
# What came meanwhile is due at its own time: a later revision, or that somebody asked for it.
_SETTLE = text(
    "UPDATE session SET state = d.state, sequence = d.sequence, bill_id = d.bill_id, "
    "site_id = d.site_id, tags = ARRAY(SELECT json_array_elements_text(CAST(d.tags AS json))), "
    "settled_revision = d.revision, revision = greatest(session.revision, d.revision), "
    "due_at = CASE WHEN session.told <> d.told THEN session.due_at END, "
    "running_due_at = NULL, running = NULL, currency = NULL, total_excl_vat = NULL, "
    "total_incl_vat = NULL, attempts = 0, problem = NULL, calculated_at = now() "
    f"FROM {unnest(_SETTLED)} WHERE session.tenant_id = d.tenant_id "
    "AND session.transaction_id = d.transaction_id"
)


async def settle(connection: AsyncConnection, settled: Iterable[Settled]) -> None:
    """Keep what has become of sessions."""
    rows = [
        (
            *one.claim.key,
            one.revision,
            one.state.value,
            one.sequence,
            one.bill_id,
            one.site_id,
            orjson.dumps([*one.tags]).decode(),
            one.claim.told,
        )
        for one in settled
    ]
    if rows:
        await connection.execute(_SETTLE, arrays(_SETTLED, rows))


_RELEASED = text(
    f"UPDATE session SET state = 'final' WHERE {of_tenant()} AND transaction_id = :transaction_id"
)


async def released(connection: AsyncConnection, key: Key) -> None:
    """Keep that the bill that holds is not kept back any more."""
    await connection.execute(_RELEASED, {"tenant_id": key[0], "transaction_id": key[1]})


_AGAIN = text(
    "UPDATE session SET due_at = now(), told = told + 1, attempts = 0, "
    "state = CASE WHEN bill_id IS NULL THEN 'settling' ELSE state END "
    f"WHERE {of_tenant()} AND transaction_id = :transaction_id"
)


async def have_settled(connection: AsyncConnection, key: Key) -> None:
    """Have a session that has ended settled, again or sooner."""
    await connection.execute(_AGAIN, {"tenant_id": key[0], "transaction_id": key[1]})


@dataclass(frozen=True, slots=True)
class Postponed:
    """A session that could not be settled now: tried again after so many seconds, and why."""

    claim: Claim
    again_s: float
    problem: str | None


_POSTPONED = columns_of(
    session,
    "tenant_id",
    "transaction_id",
    "told",
    "problem",
    again_s=Double(),
)
_POSTPONE = text(
    "UPDATE session SET due_at = now() + make_interval(secs => d.again_s), "
    "attempts = attempts + 1, problem = d.problem "
    f"FROM {unnest(_POSTPONED)} WHERE session.tenant_id = d.tenant_id "
    "AND session.transaction_id = d.transaction_id AND session.told = d.told "
    "AND session.due_at IS NOT NULL"
)


async def postpone(connection: AsyncConnection, postponed: Iterable[Postponed]) -> None:
    """Have sessions tried again later, unless something newer is known of them."""
    rows = [
        (*one.claim.key, one.claim.told, one.problem, one.again_s)
        for one in sorted(postponed, key=lambda one: one.claim.key)
    ]
    if rows:
        await connection.execute(_POSTPONE, arrays(_POSTPONED, rows))


_HANDED_BACK = columns_of(session, "tenant_id", "transaction_id", "told", "attempts", "due_at")
_HAND_BACK = text(
    f"UPDATE session SET due_at = d.due_at FROM {unnest(_HANDED_BACK)} "
    "WHERE session.tenant_id = d.tenant_id AND session.transaction_id = d.transaction_id "
    "AND session.told = d.told AND session.attempts = d.attempts AND session.due_at IS NOT NULL"
)


async def hand_back(connection: AsyncConnection, claims: Iterable[Claim]) -> None:
    """Have sessions that nothing was done about due as they were, unless others have done it."""
    rows = [
        (*one.key, one.told, one.attempts, one.due_at)
        for one in sorted(claims, key=lambda one: one.key)
    ]
    await connection.execute(_HAND_BACK, arrays(_HANDED_BACK, rows))


@dataclass(frozen=True, slots=True)
class Running:
    """What a session that goes on has cost so far; no `cost` where no tariff is assigned."""

    key: Key
    cost: dict[str, Any] | None
    measured_at: datetime
    site_id: str | None
    tags: Sequence[str]


_RUNNING = columns_of(
    session,
    "tenant_id",
    "transaction_id",
    "running",
    "currency",
    "total_excl_vat",
    "total_incl_vat",
    "measured_at",
    "site_id",
    "tags",
)
_KEEP_RUNNING = text(
    "UPDATE session SET running = CAST(d.running AS jsonb), currency = d.currency, "
    "total_excl_vat = d.total_excl_vat, total_incl_vat = d.total_incl_vat, "
    "measured_at = d.measured_at, "
    "site_id = d.site_id, tags = ARRAY(SELECT json_array_elements_text(CAST(d.tags AS json))), "
    "calculated_at = now() "
    f"FROM {unnest(_RUNNING)} WHERE session.tenant_id = d.tenant_id "
    "AND session.transaction_id = d.transaction_id AND session.revision = 0"
)


async def keep_running(connection: AsyncConnection, running: Iterable[Running]) -> None:
    """Keep what sessions have cost so far."""
    rows = [_running_row(one) for one in running]
    if rows:
        await connection.execute(_KEEP_RUNNING, arrays(_RUNNING, rows))


def _running_row(one: Running) -> tuple[Any, ...]:
    cost = one.cost or {}
    return (
        *one.key,
        None if one.cost is None else orjson.dumps(cost).decode(),
        cost.get("currency"),
        None if one.cost is None else Decimal(cost["total_excl_vat"]),
        None if one.cost is None else Decimal(cost["total_incl_vat"]),
        one.measured_at,
        one.site_id,
        orjson.dumps([*one.tags]).decode(),
    )
