"""What goes on beside the record of a session, and never keeps a start from being stored.

Reservations and the quarantine follow from what is stored: whatever is left undone here is done
when the next fact comes, or by the periodic tasks.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum

import structlog
from prometheus_client import Counter
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.engine import is_infrastructure
from csms_shared.db.isolation import savepoint

log = structlog.get_logger(__name__)


class SideFeature(StrEnum):
    """Names in logs and in the metric."""

    QUARANTINE = "quarantine"
    RESERVATIONS = "reservations"


FAILURES = Counter(
    "csms_session_side_feature_failures_total",
    "What was given up beside a batch of starts, which were stored all the same.",
    ["feature"],
)
for _feature in SideFeature:
    FAILURES.labels(_feature.value)

# Whoever starts waits for this as well.
_BOUNDS = text(
    "SELECT set_config('lock_timeout', '1s', true), set_config('statement_timeout', '3s', true)"
)
# A statement that took too long, a lock that was not to be had, a deadlock (PostgreSQL
# documentation, appendix A): they end what was tried, and the transaction goes on before it.
_GIVEN_UP = frozenset({"57014", "55P03", "40P01"})


async def beside_the_record(
    connection: AsyncConnection, feature: SideFeature, work: Callable[[], Awaitable[None]]
) -> None:
    """Do `work` in a savepoint; what it did is undone where it fails, and nothing else.

    To be called when all else is written: the bounds on its time hold until the commit.

    Raises:
        Exception: the database is away, which concerns the whole transaction.
    """
    try:
        async with savepoint(connection):
            await connection.execute(_BOUNDS)
            await work()
    except Exception as error:
        if concerns_all(error):
            raise
        FAILURES.labels(feature.value).inc()
        log.exception("side_feature_failed", feature=feature.value)


def concerns_all(error: Exception) -> bool:
    """Tell whether an error within a savepoint leaves nothing of the transaction."""
    return not is_given_up(error) and is_infrastructure(error)


def is_given_up(error: Exception) -> bool:
    """Tell whether PostgreSQL has ended what took too long or could not have a lock."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _GIVEN_UP
