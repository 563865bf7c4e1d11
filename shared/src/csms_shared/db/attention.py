"""Counts of what needs attention, with its newest examples: at a cost that has a bound."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Mapping
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.overview import (
    COUNTED_MAX,
    EXAMPLES_MAX,
    Attention,
    AttentionExample,
)
from csms_shared.values.times import format_time

TEXT_MAX = 200
AT_MOST = f"LIMIT {COUNTED_MAX + 1}"
"""Ends what `attention_sql` takes, or what that reads from."""


def attention_sql(found: str) -> TextClause:
    """Return the statement that counts what `found` returns, and shows the newest.

    `found` returns `id`, `at`, `text` and `of`: how many rows that were read stand behind each.
    It reads no more than `AT_MOST`.
    """
    return text(
        f"WITH found AS MATERIALIZED ({found}), "
        "counted AS (SELECT count(*) AS found, sum(of) AS read, min(at) AS since FROM found) "
        f"SELECT id, at, left(text, {TEXT_MAX}) AS text, counted.found, counted.read, since "
        f"FROM found CROSS JOIN counted ORDER BY at DESC, id LIMIT {EXAMPLES_MAX}"
    )


async def read_attention(
    connection: AsyncConnection, statement: TextClause, parameters: Mapping[str, Any]
) -> Attention | None:
    """Return what an `attention_sql` finds, None where there is nothing."""
    rows = (await connection.execute(statement, dict(parameters))).all()
    if not rows:
        return None
    first = rows[0]
    return Attention(
        count=min(first.found, COUNTED_MAX),
        count_is_bound=first.read > COUNTED_MAX,
        since=format_time(first.since),
        examples=[
            AttentionExample(id=row.id, at=format_time(row.at), text=row.text) for row in rows
        ],
    )


async def read_each(
    connection: AsyncConnection,
    statements: Mapping[str, TextClause],
    parameters: Mapping[str, Any],
) -> dict[str, Attention]:
    """Return what each statement finds, by its kind, without what there is nothing of."""
    found = {
        kind: await read_attention(connection, statement, parameters)
        for kind, statement in statements.items()
    }
    return {kind: attention for kind, attention in found.items() if attention is not None}
