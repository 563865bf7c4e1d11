"""One transaction for a batch, and the search for the bad item when the data refuse it."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.db.engine import TransactionLost, in_transaction, is_infrastructure
from csms_shared.runtime.clock import monotonic
from csms_shared.runtime.errors import Unavailable

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


@asynccontextmanager
async def savepoint(connection: AsyncConnection) -> AsyncIterator[None]:
    """Undo what is done inside where it fails, and nothing else.

    Raises:
        TransactionLost: the savepoint itself failed, as by the time-out of a busy machine. No error
            of what is done inside may be taken for it: the transaction can't go on.
    """
    nested = await _kept(connection.begin_nested())
    try:
        yield
    except BaseException:
        await _kept(nested.rollback())
        raise
    await _kept(nested.commit())


async def _kept(step: Awaitable[Reply]) -> Reply:
    try:
        return await step
    except DBAPIError as error:
        raise TransactionLost(repr(error)[:500]) from error


class OutOfTime(Exception):
    """What was not applied yet when the time for it was over."""


async def apply_apart(
    connection: AsyncConnection,
    works: Sequence[Work],
    apply: Apply[Work, Reply],
    concerns_all: Callable[[Exception], bool] = is_infrastructure,
    *,
    until: float = math.inf,
) -> tuple[list[Reply], list[Failure[Work]]]:
    """Apply all of `works` in a savepoint; where that fails, each half, until what fails is alone.

    For work inside a transaction that goes on, such as upkeep. Works that fail alone leave nothing
    behind and are returned; so are those that nothing was begun with `until` then, in seconds of
    the monotonic clock, as `OutOfTime`.

    Raises:
        Exception: one that `concerns_all`, such as that the database is away.
    """
    if not works:
        return [], []
    if monotonic() > until:
        return [], [Failure(work, OutOfTime()) for work in works]
    try:
        async with savepoint(connection):
            return await apply(connection, works), []
    except Exception as error:
        if concerns_all(error):
            raise
        if len(works) == 1:
            return [], [Failure(works[0], error)]
        log.warning("batch_isolated", items=len(works), error=repr(error)[:500])
    middle = len(works) // 2
    replies: list[Reply] = []
    failures: list[Failure[Work]] = []
    for half in (works[:middle], works[middle:]):
        done, failed = await apply_apart(connection, half, apply, concerns_all, until=until)
        replies += done
        failures += failed
    return replies, failures


async def _one_by_one(
    connection: AsyncConnection,
    works: Sequence[Work],
    apply: Apply[Work, Reply],
) -> tuple[list[Reply], list[Failure[Work]]]:
    replies: list[Reply] = []
    failures: list[Failure[Work]] = []
    for work in works:
        try:
            async with savepoint(connection):
                replies += await apply(connection, [work])
        except Exception as error:
            if is_infrastructure(error):
                raise
            failures.append(Failure(work, error))
    return replies, failures
