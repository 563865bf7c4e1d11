"""One transaction for a batch, and the search for the bad item when the data refuse it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.db.engine import in_transaction, is_infrastructure
from csms_shared.errors import Unavailable

log = structlog.get_logger(__name__)

Work = TypeVar("Work")
Reply = TypeVar("Reply")
Apply = Callable[[AsyncConnection, Sequence[Work]], Awaitable[list[Reply]]]


@dataclass(frozen=True, slots=True)
class Failure(Generic[Work]):
    """An item that could not be applied, and the error that says why."""

    work: Work
    error: Exception


async def apply_isolated(
    engine: AsyncEngine, works: Sequence[Work], apply: Apply[Work, Reply]
) -> tuple[list[Reply], list[Failure[Work]]]:
    """Apply all of `works` in one transaction; where that fails on data, item by item.

    Items that fail alone are returned as failures; their neighbours commit.

    Raises:
        Unavailable: the database is away; nothing was decided about any item.
    """
    try:
        return await in_transaction(engine, lambda connection: apply(connection, works)), []
    except Exception as error:
        if isinstance(error, Unavailable):
            raise
        if len(works) == 1:
            return [], [Failure(works[0], error)]
        log.warning("batch_isolated", items=len(works), error=repr(error)[:500])
    return await in_transaction(engine, lambda connection: _one_by_one(connection, works, apply))


async def apply_apart(
    connection: AsyncConnection,
    works: Sequence[Work],
    apply: Apply[Work, Reply],
    concerns_all: Callable[[Exception], bool] = is_infrastructure,
) -> tuple[list[Reply], list[Failure[Work]]]:
    """Apply all of `works` in a savepoint; where that fails on data, each in one of its own.

    For work inside a transaction that goes on, such as upkeep. Works that fail alone leave nothing
    behind and are returned.

    Raises:
        Exception: one that `concerns_all`, such as that the database is away.
    """
    if not works:
        return [], []
    try:
        async with connection.begin_nested():
            return await apply(connection, works), []
    except Exception as error:
        if concerns_all(error):
            raise
        if len(works) == 1:
            return [], [Failure(works[0], error)]
        log.warning("batch_isolated", items=len(works), error=repr(error)[:500])
    return await _one_by_one(connection, works, apply, concerns_all)


async def _one_by_one(
    connection: AsyncConnection,
    works: Sequence[Work],
    apply: Apply[Work, Reply],
    concerns_all: Callable[[Exception], bool] = is_infrastructure,
) -> tuple[list[Reply], list[Failure[Work]]]:
    replies: list[Reply] = []
    failures: list[Failure[Work]] = []
    for work in works:
        try:
            async with connection.begin_nested():
                replies += await apply(connection, [work])
        except Exception as error:
            if concerns_all(error):
                raise
            failures.append(Failure(work, error))
    return replies, failures
