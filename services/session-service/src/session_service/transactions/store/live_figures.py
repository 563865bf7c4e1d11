"""The newest figures of open transactions: written beside their meter values, once per batch."""

# ruff: noqa: S608 - statements are joined from constants of this module

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from session_service.transactions.domain.live_figures import Figures, Live
from session_service.transactions.tables import live_figures

# At most one event of each transaction in this time; what is newest is told with the next values.
TOLD_EVERY_S = 60
# Figures that nobody has renewed for so long are no live ones, whether a transaction is open or its
# end was written by a program that does not know of them. By days: the index on it is left alone.
KEPT_DAYS = 8
# Longer than any transaction of the database: one that began before an end was visible finds it.
ENDED_FOR_S = 600

# In the order of `Figures`, the time before the value as in each `Reading`.
_FIGURES = (("energy_at", "energy_wh"), ("power_at", "power_w"), ("soc_at", "soc_percent"))
_UNKNOWN = (None, None)
_ROW = columns_of(
    live_figures,
    "transaction_id",
    *(name for pair in _FIGURES for name in pair),
    "ended",
    "tenant_id",
)
_IS_NEWER = {
    value: f"COALESCE((excluded.{at}, excluded.{value}) > (known.{at}, known.{value}), "
    f"known.{at} IS NULL AND excluded.{at} IS NOT NULL)"
    for at, value in _FIGURES
}
_NEWEST = ", ".join(
    f"{value} = CASE WHEN {_IS_NEWER[value]} THEN excluded.{value} ELSE known.{value} END, "
    f"{at} = greatest(known.{at}, excluded.{at})"
    for at, value in _FIGURES
)
_SHOWN = "transaction_id, energy_wh, power_w, soc_percent, greatest(energy_at, power_at, soc_at)"
# All rows of a batch in one order, ends among them: two batches wait for each other, and never
# twice. What has ended stays so. `statement_timestamp()` says which rows this statement tells of;
# one that waited finds what was told after it began.
_KEEP = text(
    f"WITH kept AS (INSERT INTO live_figures AS known ({names(_ROW)}, told_at, kept_until) "
    f"SELECT {names(_ROW)}, CASE WHEN NOT ended THEN statement_timestamp() END, "
    f"CASE WHEN ended THEN now() + interval '{ENDED_FOR_S} s' "
    f"ELSE date_trunc('day', now()) + interval '{KEPT_DAYS} days' END "
    f"FROM {unnest(_ROW, 'new')} ORDER BY transaction_id "
    f"ON CONFLICT (transaction_id) DO UPDATE SET {_NEWEST}, "
    "ended = excluded.ended, kept_until = excluded.kept_until, "
    "told_at = CASE WHEN abs(extract(epoch FROM known.told_at - statement_timestamp())) "
    f"<= {TOLD_EVERY_S} THEN known.told_at ELSE excluded.told_at END "
    f"WHERE NOT known.ended AND (excluded.ended OR {' OR '.join(_IS_NEWER.values())}) "
    "RETURNING *) "
    f"SELECT {_SHOWN} AS measured_at FROM kept "
    "WHERE NOT ended AND told_at = statement_timestamp()"
)
_READ = text(
    f"SELECT {_SHOWN} AS measured_at FROM live_figures "
    "WHERE transaction_id = ANY(:ids) AND NOT ended"
)


async def keep_live_figures(
    connection: AsyncConnection,
    measured: Mapping[int, Figures],
    ended: Collection[int],
    tenants: Mapping[int, str],
) -> dict[int, Live]:
    """Store what is newer than what is known, and which transactions have ended.

    `tenants` has the tenant of each of them.

    Returns the figures that are to be told now: at most once in `TOLD_EVERY_S` of each transaction.
    """
    rows: list[tuple[Any, ...]] = [
        (row_id, *_UNKNOWN * len(_FIGURES), True, tenants[row_id]) for row_id in ended
    ]
    rows += [
        (
            row_id,
            *(energy or _UNKNOWN),
            *(power or _UNKNOWN),
            *(soc or _UNKNOWN),
            False,
            tenants[row_id],
        )
        for row_id, (energy, power, soc) in measured.items()
        if row_id not in ended and (energy or power or soc)
    ]
    if not rows:
        return {}
    return _by_id(await connection.execute(_KEEP, arrays(_ROW, rows)))


async def read_live_figures(connection: AsyncConnection, ids: Collection[int]) -> dict[int, Live]:
    """Return the figures of those of these transactions that have any."""
    if not ids:
        return {}
    return _by_id(await connection.execute(_READ, {"ids": sorted(ids)}))


def _by_id(rows: Iterable[Any]) -> dict[int, Live]:
    return {
        row.transaction_id: Live(row.energy_wh, row.power_w, row.soc_percent, row.measured_at)
        for row in rows
    }
