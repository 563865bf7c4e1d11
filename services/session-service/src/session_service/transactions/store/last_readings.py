"""The last reading of the energy register that is stored of each of some transactions."""

# ruff: noqa: S608 - statements are joined from constants of this module

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, unnest
from csms_shared.values.numbers import INT32_MAX
from session_service.metering.domain import ENERGY_REGISTER
from session_service.transactions.domain.evidence import named
from session_service.transactions.domain.stops import Transaction
from session_service.transactions.store.evidence import value_of
from session_service.transactions.tables import transaction

_STARTED = columns_of(transaction, "id", "meter_start")
# All values of the last time that has any. The bounds are divided: a value may be so great that it
# can't be multiplied.
_LAST = text(
    "SELECT wanted.id AS wanted_id, last.*, last.value * last.factor AS wh "
    f"FROM {unnest(_STARTED, 'wanted')} "
    "CROSS JOIN LATERAL (SELECT meter_value.*, CASE unit WHEN 'kWh' THEN 1000 ELSE 1 END AS factor "
    "FROM meter_value WHERE transaction_id = wanted.id "
    "AND (measurand IS NULL OR measurand = :register) AND phase IS NULL "
    "AND (location IS NULL OR location = 'Outlet') AND (unit IS NULL OR unit IN ('Wh', 'kWh')) "
    "AND value BETWEEN wanted.meter_start / CASE unit WHEN 'kWh' THEN 1000.0 ELSE 1.0 END "
    "AND :most / CASE unit WHEN 'kWh' THEN 1000.0 ELSE 1.0 END "
    "ORDER BY sampled_at DESC FETCH FIRST 1 ROW WITH TIES) AS last"
)


async def last_readings(
    connection: AsyncConnection, transactions: Sequence[Transaction]
) -> dict[int, int]:
    """Return the reading in Wh of each transaction that has one, none below its `meter_start`.

    Of several of one time the greatest, those that named the transaction before others (ADR 0026).
    """
    if not transactions:
        return {}
    # To plan it over all partitions takes longer than to run it, and one plan suits all.
    await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    rows = await connection.execute(
        _LAST,
        {
            **arrays(_STARTED, [(one.id, one.meter_start) for one in transactions]),
            "register": ENERGY_REGISTER,
            "most": INT32_MAX,
        },
    )
    named_ids = {one.id: one.station_transaction_id for one in transactions}
    best: dict[int, tuple[bool, int]] = {}
    for row in rows:
        named_id = named_ids[row.wanted_id]
        found = named(row.station_id, named_id, value_of(row)), round(row.wh)
        best[row.wanted_id] = max(best.get(row.wanted_id, found), found)
    return {row_id: wh for row_id, (_, wh) in best.items()}
