"""Which statements some work sends, and which rows they read."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import asyncpg
import orjson
from sqlalchemy.event import listen, remove
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

# SQL as the driver gets it, with its parameters.
Statement = tuple[str, tuple[Any, ...]]
_OF_TRANSACTIONS = ("SAVEPOINT", "RELEASE", "ROLLBACK")


@contextmanager
def recorded(engine: AsyncEngine) -> Iterator[list[Statement]]:
    """Yield a list that grows by each statement on data; one for many rows is one."""
    sent: list[Statement] = []

    def note(
        _: object,
        __: object,
        sql: str,
        parameters: Sequence[Any],
        context: object,
        executemany: bool,
    ) -> None:
        if not sql.startswith(_OF_TRANSACTIONS):
            sent.append((sql, tuple(parameters[0] if executemany else parameters)))

    listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        remove(engine.sync_engine, "before_cursor_execute", note)


async def explained(
    engine: AsyncEngine, url: str, schema: str, work: Callable[[AsyncConnection], Awaitable[object]]
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the SQL of each statement that `work` sends, and the nodes of its plan as it ran.

    Nothing of it stays.
    """
    async with engine.connect() as connection:
        with recorded(engine) as sent:
            await work(connection)
        await connection.rollback()
    driver = await asyncpg.connect(url, server_settings={"search_path": schema, "jit": "off"})
    try:
        transaction = driver.transaction()
        await transaction.start()
        plans = []
        for sql, parameters in sent:
            found = await driver.fetchval(
                f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", *parameters
            )
            plans.append((sql, _nodes(orjson.loads(found)[0]["Plan"])))
        await transaction.rollback()
        return plans
    finally:
        await driver.close()


def rows_of(nodes: list[dict[str, Any]], table: str) -> int:
    """Count the rows of a table, or entries of its indexes, that were looked at."""
    return int(
        sum(
            (
                node["Actual Rows"]
                + node.get("Rows Removed by Filter", 0)
                + node.get("Rows Removed by Index Recheck", 0)
            )
            * node["Actual Loops"]
            for node in nodes
            if node.get("Relation Name") == table and node["Node Type"] != "ModifyTable"
        )
    )


def brief(nodes: list[dict[str, Any]]) -> str:
    """Return what of a plan explains a failure."""
    shown = ("Node Type", "Index Name", "Relation Name", "Actual Rows", "Actual Loops")
    return "\n".join(", ".join(str(node[name]) for name in shown if name in node) for node in nodes)


def scans_of(nodes: list[dict[str, Any]], table: str) -> set[str]:
    """Return by what kinds of scans a table was read."""
    return {
        node["Node Type"]
        for node in nodes
        if node.get("Relation Name") == table and node["Node Type"].endswith("Scan")
    }


def indexes_of(nodes: list[dict[str, Any]]) -> set[str]:
    """Return the indexes by which rows were found."""
    return {node["Index Name"] for node in nodes if "Index Name" in node}


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", ()) for node in _nodes(part))]
