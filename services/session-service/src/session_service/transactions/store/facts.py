"""Reading what is known of sessions for those who charge for them: few statements for many."""

# ruff: noqa: S608 - statements are joined from constants of this module

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.session_facts import ROWS_MAX, TEXTS_MAX
from csms_shared.db.tenancy import of_tenant
from session_service.metering.domain import ENERGY_REGISTER
from session_service.transactions.domain.measured import CURRENT, SIGNED

# Of a reservation `r` and the transaction `t` that used it: it was over for no more than a day. One
# that was named later is paid by itself.
PAID_WITH_SESSION = "r.expires_at >= least(t.started_at, t.received_at) - interval '1 day'"
_SESSIONS = text(
    "SELECT t.*, (SELECT coalesce(r.answered_at, r.created_at) FROM reservation r "
    f"WHERE {of_tenant('r')} AND r.station_id = t.station_id "
    f"AND {PAID_WITH_SESSION} "
    "AND r.transaction_id = t.id AND r.status = 'used' ORDER BY r.id LIMIT 1) AS reserved_at, "
    "ARRAY(SELECT tag FROM transaction_tag AS g "
    f"WHERE {of_tenant('g')} AND g.transaction_id = t.id ORDER BY tag) AS tags "
    f"FROM transaction t WHERE {of_tenant('t')} AND t.id = ANY(:ids) ORDER BY t.id"
)
# By the index alone, and no further than it matters. Others than those that are read count too.
_COUNTS = text(
    "SELECT wanted.id, (SELECT count(*) FROM (SELECT FROM meter_value "
    f"WHERE transaction_id = wanted.id LIMIT {ROWS_MAX + 1}) AS rows) AS number "
    "FROM unnest(CAST(:ids AS integer[])) AS wanted(id)"
)
_READ = (
    f"(format = '{SIGNED}' OR measurand IS NULL OR measurand IN ('{ENERGY_REGISTER}', '{CURRENT}'))"
)
_SIZES = text(
    "SELECT wanted.id, (SELECT coalesce(sum(octet_length(raw)), 0) FROM meter_value "
    f"WHERE transaction_id = wanted.id AND {_READ}) AS size "
    "FROM unnest(CAST(:ids AS integer[])) AS wanted(id)"
)
_VALUES = text(
    "SELECT found.* FROM unnest(CAST(:ids AS integer[])) AS wanted(id) "
    "CROSS JOIN LATERAL (SELECT * FROM meter_value "
    f"WHERE transaction_id = wanted.id AND {_READ} LIMIT {ROWS_MAX + 1}) AS found"
)
# Of each stretch of time what was told last, by what it tells of: with all that was told then, as
# phases are told together. Of these the short texts, which all numbers are, then what was signed at
# the begin and the end, then the others as long as they fit.
_THINNED = text(
    "SELECT * FROM (SELECT *, sum(octet_length(raw)) OVER (ORDER BY octet_length(raw) > 40, "
    "coalesce(context, '') NOT IN ('Transaction.Begin', 'Transaction.End'), sampled_at, digest "
    "ROWS UNBOUNDED PRECEDING) AS size FROM (SELECT * FROM ("
    "SELECT *, max(sampled_at) OVER (PARTITION BY "
    "floor(extract(epoch FROM sampled_at - CAST(:since AS timestamptz)) / :seconds), "
    "format, measurand, context) AS last_at "
    f"FROM meter_value WHERE transaction_id = :id AND {_READ}) AS told "
    f"WHERE sampled_at = last_at ORDER BY sampled_at, digest LIMIT {ROWS_MAX}) AS rows) AS sized "
    f"WHERE size <= {TEXTS_MAX} ORDER BY sampled_at, digest"
)
_SPAN = text(
    "SELECT min(sampled_at) AS since, max(sampled_at) AS until FROM meter_value "
    "WHERE transaction_id = :id"
)
_WEEKS = text(
    "SELECT to_date(right(relname, 8), 'YYYYMMDD') AS week "
    "FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
    "WHERE inhparent = 'meter_value'::regclass AND relname ~ '^meter_value_[0-9]{8}$'"
)
# Of a stretch there may be so many rows: phases of a register and of a current, and contexts.
_ROWS_OF_A_STRETCH = 20
_LEAST_S = 60.0
# Times have microseconds: so thin, everything is the last of its stretch.
_EACH_TIME_S = 0.000001


async def read_sessions(
    connection: AsyncConnection, tenant_id: str, ids: Sequence[int]
) -> list[Row[Any]]:
    """Return rows of the transactions that the tenant has, with `reserved_at` and `tags`."""
    rows = await connection.execute(_SESSIONS, {"tenant_id": tenant_id, "ids": list(ids)})
    return list(rows)


async def numbers_of_values(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, int]:
    """Return how many values each transaction has, of any kind; more than fit count as one more."""
    await _one_plan(connection)
    return {row.id: row.number for row in await connection.execute(_COUNTS, {"ids": list(ids)})}


async def weeks_kept(connection: AsyncConnection) -> set[date]:
    """Return the Mondays of the weeks whose values are kept."""
    return set((await connection.execute(_WEEKS)).scalars())


async def sizes_of_values(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, int]:
    """Return how many bytes the texts of each transaction's values have, of those that are read."""
    return {row.id: row.size for row in await connection.execute(_SIZES, {"ids": list(ids)})}


async def read_values(
    connection: AsyncConnection, ids: Sequence[int]
) -> tuple[list[Row[Any]], bool]:
    """Return the values that tell of energy, current and signatures, and whether that is all."""
    rows = list(await connection.execute(_VALUES, {"ids": list(ids)}))
    return rows, len(rows) <= ROWS_MAX


async def read_fewer_values(
    connection: AsyncConnection, transaction_id: int, *, are_many: bool
) -> list[Row[Any]]:
    """Return values of a transaction with too much of them: as many as an answer has room for.

    `are_many`: not only their texts are long. Then it is the last of each stretch of its time.
    """
    span = (await connection.execute(_SPAN, {"id": transaction_id})).one()
    rows = await connection.execute(
        _THINNED,
        {
            "id": transaction_id,
            "since": span.since,
            "seconds": _stretch_s(span.since, span.until) if are_many else _EACH_TIME_S,
        },
    )
    return list(rows)


def _stretch_s(since: datetime, until: datetime) -> float:
    span_s = (until - since).total_seconds()
    return max(_LEAST_S, span_s * _ROWS_OF_A_STRETCH / ROWS_MAX)


async def _one_plan(connection: AsyncConnection) -> None:
    # Until the commit: to plan over all partitions takes longer than to run it, and one suits all.
    await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
