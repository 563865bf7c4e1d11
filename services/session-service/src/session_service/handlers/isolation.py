"""Work on many things at once, of which those that fail cost the others nothing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.clock import monotonic
from session_service.handlers.side_features import concerns_all, is_given_up

log = structlog.get_logger(__name__)

# A lock that somebody holds for longer is not waited for, and what has taken so long is not gone
# on with: whoever asked waits no longer than for any request.
_BOUNDS = text(
    "SELECT set_config('lock_timeout', '250ms', true), set_config('statement_timeout', '2s', true)"
)
LONGEST_S = 2.0

Thing = TypeVar("Thing")
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why something was not done; codes are those of `BulkFailure`."""

    code: str
    detail: str


_DEFECT = WhyNot("defect", "the suite met a defect; it is in the service's log")
_TOO_LONG = WhyNot("busy", "it took too long, or another has it; ask again")


async def each_apart(
    connection: AsyncConnection,
    things: Sequence[Thing],
    work: Callable[[Sequence[Thing]], Awaitable[list[Done]]],
) -> tuple[list[Done], list[tuple[Thing, WhyNot]]]:
    """Do `work` for all at once, and where that fails for each half, until what fails is alone.

    The bounds on its statements hold until the commit.

    Raises:
        Exception: the database is away, which concerns the whole transaction.
    """
    if not things:
        return [], []
    await connection.execute(_BOUNDS)
    return await _apart(connection, things, work, monotonic() + LONGEST_S)


async def _apart(
    connection: AsyncConnection,
    things: Sequence[Thing],
    work: Callable[[Sequence[Thing]], Awaitable[list[Done]]],
    until: float,
) -> tuple[list[Done], list[tuple[Thing, WhyNot]]]:
    if monotonic() > until:
        return [], [(thing, _TOO_LONG) for thing in things]
    try:
        async with connection.begin_nested():
            return await work(things), []
    except Exception as error:
        if concerns_all(error):
            raise
        if len(things) == 1:
            why = _TOO_LONG if is_given_up(error) else _DEFECT
            log.warning("left_out", why=why.code, exc_info=why is _DEFECT)
            return [], [(things[0], why)]
    middle = len(things) // 2
    first, first_failed = await _apart(connection, things[:middle], work, until)
    second, second_failed = await _apart(connection, things[middle:], work, until)
    return first + second, first_failed + second_failed
