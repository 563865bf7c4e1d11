"""The queries of operators: which, how often, and what PostgreSQL does for each."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import asyncpg

from bench.driver.plan import Query
from bench.preload import ROWS_PER_TRANSACTION, STATIONS, Stored

PAGE = 50
MOST = 500
MONTH = timedelta(days=30)
SEED = 1

_EXPLAINED = {
    "page": (
        "SELECT * FROM session.transaction WHERE started_at < $1"
        " ORDER BY started_at DESC, id DESC LIMIT 51"
    ),
    "meter-values": (
        "SELECT * FROM session.meter_value WHERE transaction_id = $1"
        " ORDER BY sampled_at, digest LIMIT 501"
    ),
    "month": (
        "SELECT * FROM session.transaction WHERE station_id = $1 AND started_at >= $2"
        " AND started_at < $3 ORDER BY started_at DESC, id DESC LIMIT 501"
    ),
}


def query_plan(stored: Stored, times: int) -> list[Query]:
    """Return each kind of query so many times, in turn, each for another random subject."""
    chance = random.Random(SEED)  # noqa: S311
    asked = []
    for _ in range(times):
        number = chance.randrange(stored.transactions)
        asked += [_page(stored, number), _meter_values(stored, number), _month(stored, number)]
    return asked


async def explain(database_url: str, stored: Stored) -> dict[str, str]:
    """Return the plan of each kind of query, with times and buffers, as text."""
    middle = stored.transactions // 2
    first = stored.began_at
    parameters: dict[str, tuple[Any, ...]] = {
        "page": (stored.started_at(middle),),
        "meter-values": (stored.first_id + middle,),
        "month": (_station(stored, middle), first, first + MONTH),
    }
    connection = await asyncpg.connect(database_url)
    try:
        return {
            kind: "\n".join(
                row[0]
                for row in await connection.fetch(
                    f"EXPLAIN (ANALYZE, BUFFERS) {sql}", *parameters[kind]
                )
            )
            for kind, sql in _EXPLAINED.items()
        }
    finally:
        await connection.close()


def _page(stored: Stored, number: int) -> Query:
    parameters = {"to": _text(stored.started_at(number)), "limit": PAGE}
    # Other loads' transactions are newer: before a preloaded start are preloaded ones only.
    return Query("page", f"/api/v1/transactions?{urlencode(parameters)}", min(number, PAGE))


def _meter_values(stored: Stored, number: int) -> Query:
    path = f"/api/v1/transactions/{stored.first_id + number}/meter-values?limit={MOST}"
    return Query("meter-values", path, ROWS_PER_TRANSACTION)


def _month(stored: Stored, number: int) -> Query:
    begins, ends = stored.began_at, stored.began_at + MONTH
    own = range(number % STATIONS, stored.transactions, STATIONS)
    parameters = {
        "station_id": _station(stored, number),
        "from": _text(begins),
        "to": _text(ends),
        "limit": MOST,
    }
    items = sum(stored.started_at(n) < ends for n in own)
    return Query("month", f"/api/v1/transactions?{urlencode(parameters)}", items)


def _station(stored: Stored, number: int) -> str:
    return f"{stored.prefix}{number % STATIONS:05d}"


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
