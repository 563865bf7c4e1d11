"""What has become visible since somebody looked: cursors made of the database's own snapshots.

A row carries the id of the database transaction that wrote it last. Those ids are given out in
order, but transactions commit in another one, so no single id tells what a reader has seen; a
snapshot does (PostgreSQL, "pg_snapshot components": xmin, xmax, and what was under way between).
"""

import re
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, cast, func, literal, not_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.refusals import refuse
from csms_shared.db.cursors import as_int32, as_text, as_uuid, decode_cursor, encode_cursor
from session_service.transactions.tables import PgSnapshot, Xid8, transaction

_LAST_XID = 2**64 - 1
_XID = re.compile(r"\d{1,20}", re.ASCII)
_SNAPSHOT = re.compile(r"(\d{1,20}):(\d{1,20}):((?:\d{1,20}(?:,\d{1,20})*)?)", re.ASCII)
_NOW = text(
    "SELECT id AS history, CAST(pg_current_snapshot() AS text) AS snapshot FROM change_history"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader knows: all that was visible in `since`, and of what came later the rows up to
    a position, where it has begun to read on. Having read to the end it knows all of `until`.

    `history` is another one after a restore, which takes rows back without writing to them.
    """

    history: UUID
    since: str
    after: tuple[int, int] = (0, 0)
    until: str = ""

    def encode(self) -> str:
        """Return the cursor."""
        xid, row_id = self.after
        return encode_cursor(self.history, self.since, str(xid), row_id, self.until)

    @classmethod
    def decode(cls, cursor: str, parameter: str) -> "Seen":
        """Read a cursor that was given as this parameter.

        Raises:
            BadCursor: it is none of ours.
        """
        history, since, xid, row_id, until = decode_cursor(
            cursor,
            as_uuid,
            as_snapshot,
            _as_xid,
            as_int32,
            _as_snapshot_if_any,
            parameter=parameter,
        )
        return cls(history, since, (xid, row_id), until)


async def seen_now(connection: AsyncConnection) -> Seen:
    """Return what a page knows that is read after this."""
    row = (await connection.execute(_NOW)).one()
    return Seen(row.history, row.snapshot)


def changed_since(seen: Seen, now: Seen) -> Select[Any]:
    """Select the transactions that changed after `seen`, in the order of those that wrote them.

    Raises:
        ProblemRaised: 410, a backup was restored since.
    """
    if seen.history != now.history:
        raise refuse(
            410,
            "changes_expired",
            "a backup was restored after this cursor was given: read the list anew",
        )
    row = transaction.c
    since = cast(literal(seen.since, Text), PgSnapshot)
    # The first condition follows from the second, and is what the index can be searched by.
    oldest = cast(literal(seen.since.partition(":")[0], Text), Xid8)
    xid, row_id = seen.after
    return (
        select(transaction)
        .where(
            row.changed_xid >= oldest,
            not_(func.pg_visible_in_snapshot(row.changed_xid, since)),
            tuple_(row.changed_xid, row.id) > tuple_(cast(literal(str(xid), Text), Xid8), row_id),
        )
        .order_by(row.changed_xid, row.id)
    )


def read_on(seen: Seen, now: Seen, last: Any | None) -> Seen:
    """Return what a reader knows after a page that ended before the end with the row `last`.

    Once begun, the end is where the first page found it: what commits between two pages may lie
    before the position of the second one, and belongs to the next reading.
    """
    until = seen.until or now.since
    if last is None:
        return Seen(seen.history, until)
    return replace(seen, after=(last.changed_xid, last.id), until=until)


def as_snapshot(part: Any) -> str:
    """Read a snapshot as PostgreSQL writes and takes it."""
    found = _SNAPSHOT.fullmatch(as_text(part))
    if found is None:
        raise ValueError("no snapshot")
    oldest, end = int(found[1]), int(found[2])
    under_way = [int(xid) for xid in found[3].split(",")] if found[3] else []
    if not 0 < oldest <= end <= _LAST_XID or under_way != sorted(set(under_way)):
        raise ValueError("no snapshot")
    if under_way and not (oldest <= under_way[0] and under_way[-1] < end):
        raise ValueError("no snapshot")
    return found[0]


def _as_snapshot_if_any(part: Any) -> str:
    return "" if part == "" else as_snapshot(part)


def _as_xid(part: Any) -> int:
    found = _XID.fullmatch(as_text(part))
    if found is None or int(found[0]) > _LAST_XID:
        raise ValueError("no transaction id")
    return int(found[0])
