"""Work on many things at once, of which those that fail cost the others nothing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.isolation import OutOfTime, apply_apart
from csms_shared.runtime.clock import monotonic
from session_service.handling.side_features import concerns_all, is_given_up

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
    done, failures = await apply_apart(
        connection, things, lambda _, some: work(some), concerns_all, until=monotonic() + LONGEST_S
    )
    return done, [(failure.work, _why_not(failure.error)) for failure in failures]


def _why_not(error: Exception) -> WhyNot:
    if isinstance(error, OutOfTime):
        return _TOO_LONG
    why = _TOO_LONG if is_given_up(error) else _DEFECT
    log.warning("left_out", why=why.code, exc_info=error if why is _DEFECT else None)
    return why
