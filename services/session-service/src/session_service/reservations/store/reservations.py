"""Statements on reservations, for whole batches."""

# ruff: noqa: S608 - statements are joined from constants of this module

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, DateTime, Row, Text, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.db.tenancy import of_tenant
from csms_shared.values.times import later
from session_service.reservations.domain import (
    Answer,
    Cancellation,
    Reservation,
    ReservedStart,
    Verdict,
    group_key,
    start_time,
)
from session_service.reservations.tables import reservation, reservation_cancellation
from session_service.transactions.store.facts import PAID_WITH_SESSION
from session_service.values.keys import TenantStation
from session_service.values.suspicion import Flag

# How long after its end a reservation is still looked at when its station starts something.
RECENT = timedelta(days=1)
_CLOCKS_APART = timedelta(minutes=5)

_NEW = columns_of(
    reservation,
    "tenant_id",
    "station_id",
    "wire_id",
    "connector_id",
    "id_token",
    "token_key",
    "group_id",
    "created_at",
    "expires_at",
    "created_by",
    "command_id",
)
_ADD = text(
    f"INSERT INTO reservation ({names(_NEW)}, site_id, tags) "
    f"SELECT {names(_NEW)}, place.site_id, coalesce(place.tags, '{{}}') FROM {unnest(_NEW, 'new')} "
    "LEFT JOIN station_place AS place USING (tenant_id, station_id) "
    "ORDER BY command_id ON CONFLICT (command_id) DO NOTHING RETURNING *"
)
_NEXT_ID = text("SELECT nextval('reservation_id')")
_ADD_OWN = text(
    "INSERT INTO reservation (id, tenant_id, station_id, wire_id, connector_id, id_token, "
    "token_key, group_id, created_at, expires_at, created_by, command_id, site_id, tags) "
    "SELECT :id, new.tenant_id, new.station_id, :wire_id, :connector_id, :id_token, :token_key, "
    ":group_id, :created_at, :expires_at, :created_by, :command_id, place.site_id, "
    "coalesce(place.tags, '{}') FROM (VALUES (CAST(:tenant_id AS text), "
    "CAST(:station_id AS text))) AS new (tenant_id, station_id) "
    "LEFT JOIN station_place AS place USING (tenant_id, station_id) "
    "ON CONFLICT (command_id) DO NOTHING RETURNING *"
)
_STATION = columns_of(reservation, tenants=Text(), stations=Text())
_NAMED = columns_of(reservation, "tenant_id", "station_id", "wire_id")
# And all that a station knew under the same ids, however long ago: who named one meant one of them.
_LOCK = text(
    "WITH asked AS ("
    "SELECT tenant_id, station_id, wire_id FROM reservation WHERE station_id = ANY(:stations) "
    f"AND (tenant_id, station_id) IN (SELECT * FROM {unnest(_STATION, 'held')}) "
    "AND expires_at > CAST(:recent AS timestamptz) UNION "
    f"SELECT * FROM {unnest(_NAMED, 'named')} UNION "
    "SELECT tenant_id, station_id, wire_id FROM reservation WHERE command_id = ANY(:commands)"
    ") SELECT * FROM reservation WHERE id IN (SELECT r.id FROM asked JOIN reservation AS r "
    "USING (tenant_id, station_id, wire_id)) ORDER BY id FOR UPDATE"
)
_BY_COMMAND = text(f"SELECT * FROM reservation WHERE {of_tenant()} AND command_id = :command_id")
_KNOWN = text("SELECT command_id FROM reservation WHERE command_id = ANY(:commands)")
_CANCELLATIONS = text(
    "SELECT tenant_id, station_id, wire_id, asked_at, answered_at, accepted "
    "FROM reservation_cancellation "
    f"WHERE (tenant_id, station_id, wire_id) IN (SELECT * FROM {unnest(_NAMED, 'named')}) "
    "ORDER BY command_id"
)
_START_COLUMNS = (
    "t.id, t.tenant_id, t.station_id, t.connector_id, t.token_key, t.token_group, "
    "t.reservation_id, t.started_at, t.received_at, t.flags, "
    # Used a reservation that is too old to be judged with these: no other one has it too.
    "t.reservation_id IS NULL AND EXISTS (SELECT FROM reservation AS r "
    "WHERE r.tenant_id = t.tenant_id AND r.station_id = t.station_id "
    "AND r.expires_at > least(t.started_at, t.received_at) AND r.transaction_id = t.id "
    "AND r.id <> ALL(:judged)) AS taken"
)
_HELD = columns_of(
    reservation, "tenant_id", "station_id", since=DateTime(True), until=DateTime(True)
)
# By station alone, whose index it is to go by, whatever the statistics say of tenants.
_STARTS = text(
    f"SELECT {_START_COLUMNS} FROM transaction t WHERE t.reservation_id IS NOT NULL "
    "AND (t.station_id, t.reservation_id) IN "
    f"(SELECT station_id, wire_id FROM {unnest(_NAMED, 'named')}) UNION "
    f"SELECT {_START_COLUMNS} FROM {unnest(_HELD, 'held')} "
    "JOIN transaction t ON t.station_id = held.station_id "
    "AND t.started_at BETWEEN held.since AND held.until"
)
_VERDICT = columns_of(
    reservation,
    "id",
    "answer",
    "refusal",
    "answered_at",
    "status",
    "reason",
    "ended_at",
    "transaction_id",
    "cancel_command_id",
    "cancel_failure",
)
_WRITE = text(
    "UPDATE reservation SET answer = new.answer, refusal = new.refusal, "
    "answered_at = new.answered_at, status = new.status, reason = new.reason, "
    "ended_at = new.ended_at, transaction_id = new.transaction_id, "
    "cancel_command_id = new.cancel_command_id, cancel_failure = new.cancel_failure "
    f"FROM {unnest(_VERDICT, 'new')} WHERE reservation.id = new.id RETURNING reservation.*"
)
_CONFLICT = columns_of(reservation, "transaction_id", conflict=Boolean())
_FLAG = text(
    "UPDATE transaction SET flags = CASE WHEN new.conflict "
    "THEN ARRAY(SELECT unnest(array_append(flags, CAST(:flag AS text))) ORDER BY 1) "
    "ELSE array_remove(flags, CAST(:flag AS text)) END "
    f"FROM {unnest(_CONFLICT, 'new')} WHERE transaction.id = new.transaction_id"
)
_CANCELLATION = columns_of(
    reservation_cancellation,
    "command_id",
    "tenant_id",
    "station_id",
    "wire_id",
    "asked_at",
    "answered_at",
    "accepted",
)
_ADD_CANCELLATIONS = text(
    f"INSERT INTO reservation_cancellation ({names(_CANCELLATION)}) "
    f"SELECT {names(_CANCELLATION)} FROM {unnest(_CANCELLATION, 'new')} "
    "ORDER BY command_id ON CONFLICT DO NOTHING"
)
_DUE = text(
    "SELECT DISTINCT tenant_id, station_id FROM (SELECT tenant_id, station_id FROM reservation "
    "WHERE status IN ('pending', 'active') AND expires_at <= CAST(:now AS timestamptz) "
    "ORDER BY expires_at LIMIT 500) AS due"
)
_BY_ID = text(
    "SELECT r.*, EXISTS (SELECT FROM transaction AS t WHERE t.tenant_id = r.tenant_id "
    f"AND t.station_id = r.station_id AND t.id = r.transaction_id AND {PAID_WITH_SESSION}"
    ") AS paid_with_session "
    f"FROM reservation AS r WHERE {of_tenant('r')} AND r.id = ANY(:ids) ORDER BY r.id"
)
_WANT_CANCELLED = text(
    "UPDATE reservation SET cancel_wanted_at = :now, cancel_wanted_by = :by, "
    "cancel_command_id = NULL, cancel_failure = NULL WHERE id = :id"
)


@dataclass(slots=True)
class KeptReservation:
    """A locked row, and the facts in it as the domain judges them."""

    row: Row[Any]
    facts: Reservation
    cancel_command_id: UUID | None
    cancel_failure: str | None


@dataclass(frozen=True, slots=True)
class FlaggedStart:
    """A start, and whether its transaction carries the flag of a conflict.

    `taken`: it used a reservation that is not judged now.
    """

    start: ReservedStart
    flagged: bool
    taken: bool


async def add_own(connection: AsyncConnection, values: Mapping[str, Any]) -> Row[Any] | None:
    """Store a reservation that the suite asks a station for; None where its command has one."""
    row_id = (await connection.execute(_NEXT_ID)).scalar_one()
    added = await connection.execute(_ADD_OWN, {**values, "id": row_id, "wire_id": row_id})
    return added.first()


async def find_by_command(
    connection: AsyncConnection, tenant_id: str, command_id: UUID
) -> Row[Any] | None:
    """Return the reservation that this ReserveNow asks for."""
    found = await connection.execute(
        _BY_COMMAND, {"tenant_id": tenant_id, "command_id": command_id}
    )
    return found.first()


async def add_foreign(
    connection: AsyncConnection, reservations: Sequence[Mapping[str, Any]]
) -> list[Row[Any]]:
    """Store reservations that came into being by a command; return those that were not yet."""
    if not reservations:
        return []
    columns = {name: [values[name] for values in reservations] for name in reservations[0]}
    return list(await connection.execute(_ADD, columns))


async def known_commands(connection: AsyncConnection, commands: Collection[UUID]) -> set[UUID]:
    """Return which of these commands reservations came into being by."""
    found = await connection.execute(_KNOWN, {"commands": sorted(commands)})
    return set(found.scalars())


async def lock_reservations(
    connection: AsyncConnection,
    stations: Collection[TenantStation],
    now: datetime,
    *,
    named: Collection[tuple[str, str, int]] = (),
    commands: Collection[UUID] = (),
) -> list[KeptReservation]:
    """Return, locked, what the stations may hold, and what is named by id or by command."""
    rows = await connection.execute(
        _LOCK,
        {
            **arrays(_STATION, sorted(stations)),
            "recent": now - RECENT,
            **arrays(_NAMED, sorted(named)),
            "commands": sorted(commands),
        },
    )
    return [
        KeptReservation(row, _facts(row), row.cancel_command_id, row.cancel_failure) for row in rows
    ]


async def read_cancellations(
    connection: AsyncConnection, reservations: Collection[Reservation]
) -> dict[TenantStation, list[Cancellation]]:
    """Return what stations answered about cancelling these, by station."""
    found: dict[TenantStation, list[Cancellation]] = {}
    for row in await connection.execute(_CANCELLATIONS, _named(reservations)):
        found.setdefault((row.tenant_id, row.station_id), []).append(
            Cancellation(row.wire_id, row.asked_at, row.answered_at, row.accepted)
        )
    return found


async def read_starts(
    connection: AsyncConnection, reservations: Collection[Reservation]
) -> dict[TenantStation, list[FlaggedStart]]:
    """Return the starts that name these or happened while they were held, by tenant and station."""
    held = [
        (
            one.tenant_id,
            one.station_id,
            one.created_at - _CLOCKS_APART,
            # By a clock that is ahead: when it was received is judged by.
            later(one.expires_at, RECENT),
        )
        for one in reservations
    ]
    rows = await connection.execute(
        _STARTS,
        _named(reservations) | arrays(_HELD, held) | {"judged": [one.id for one in reservations]},
    )
    found: dict[TenantStation, list[FlaggedStart]] = {}
    for row in rows:
        start = ReservedStart(
            row.id,
            row.station_id,
            row.connector_id,
            row.token_key,
            group_key(row.token_group),
            row.reservation_id,
            start_time(row.started_at, row.received_at),
        )
        flagged = FlaggedStart(start, Flag.RESERVATION_CONFLICT in row.flags, row.taken)
        found.setdefault((row.tenant_id, row.station_id), []).append(flagged)
    return found


async def write_reservations(
    connection: AsyncConnection, changed: Sequence[tuple[KeptReservation, Verdict]]
) -> list[Row[Any]]:
    """Write facts and verdicts, and return the rows afterwards."""
    if not changed:
        return []
    rows = [
        (
            kept.facts.id,
            kept.facts.answer.value,
            kept.facts.refusal,
            kept.facts.answered_at,
            verdict.status.value,
            verdict.reason,
            verdict.ended_at,
            verdict.transaction_id,
            kept.cancel_command_id,
            kept.cancel_failure,
        )
        for kept, verdict in changed
    ]
    written = await connection.execute(_WRITE, arrays(_VERDICT, rows))
    return sorted(written, key=lambda row: row.id)


async def flag_conflicts(connection: AsyncConnection, conflicts: Mapping[int, bool]) -> None:
    """Set or take away the flag of transactions that took a reserved connector."""
    if conflicts:
        await connection.execute(
            _FLAG,
            arrays(_CONFLICT, sorted(conflicts.items()))
            | {"flag": Flag.RESERVATION_CONFLICT.value},
        )


async def add_cancellations(
    connection: AsyncConnection, answers: Sequence[Mapping[str, Any]]
) -> None:
    """Store what stations answered to CancelReservation, once per command."""
    if answers:
        columns = {name: [values[name] for values in answers] for name in answers[0]}
        await connection.execute(_ADD_CANCELLATIONS, columns)


async def stations_with_expired(connection: AsyncConnection, now: datetime) -> set[TenantStation]:
    """Return stations with reservations that are open past their time, a slice of them."""
    rows = await connection.execute(_DUE, {"now": now})
    return {(row.tenant_id, row.station_id) for row in rows}


async def read_reservations(
    connection: AsyncConnection, tenant_id: str, ids: Collection[int]
) -> list[Row[Any]]:
    """Return rows of the reservations that the tenant has, with `paid_with_session`."""
    return list(await connection.execute(_BY_ID, {"tenant_id": tenant_id, "ids": sorted(ids)}))


async def want_cancelled(
    connection: AsyncConnection, reservation_id: int, now: datetime, by: str
) -> None:
    """Store that somebody wants a reservation cancelled."""
    await connection.execute(_WANT_CANCELLED, {"id": reservation_id, "now": now, "by": by})


def _named(reservations: Collection[Reservation]) -> dict[str, list[Any]]:
    return arrays(_NAMED, [(one.tenant_id, one.station_id, one.wire_id) for one in reservations])


def _facts(row: Row[Any]) -> Reservation:
    return Reservation(
        id=row.id,
        station_id=row.station_id,
        tenant_id=row.tenant_id,
        wire_id=row.wire_id,
        connector_id=row.connector_id,
        token_key=row.token_key,
        group_key=group_key(row.group_id),
        created_at=row.created_at,
        expires_at=row.expires_at,
        answer=Answer(row.answer),
        refusal=row.refusal,
        answered_at=row.answered_at,
    )
