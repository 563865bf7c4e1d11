"""Bulk actions: one request of a person, asked of the services in batches, one after the other.

Each batch has an id that follows from the action's. A request whose answer was lost is repeated
with its idempotency key: its service answers what it has done of each batch, and does nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from csms_shared.contracts.bulk import BULK_BATCH_MAX, BULK_FAILURES_MAX, BulkFailure, BulkOutcome
from csms_shared.contracts.refusals import refuse
from csms_shared.db.cursors import BadCursor, as_text, decode_cursor, encode_cursor

BULK_MAX = 1_000

Ask = Callable[[str, dict[str, Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class BulkOrder:
    """How much is to be done: at most `limit` items after `cursor`, or a count of all.

    `note` is given what has been done so far, and where to go on, after each batch: a later one may
    be refused.
    """

    limit: int
    cursor: str | None
    dry_run: bool
    note: Callable[[BulkOutcome], None]


async def in_batches(
    ask: Ask, services: Sequence[str], order: BulkOrder, action_id: UUID
) -> BulkOutcome:
    """Ask the services one after the other, until so much is done or nothing more matches.

    `ask` is given a service and the batch's parameters. A cursor is the service's name and its own
    cursor.

    Raises:
        BadCursor: the cursor is not of this action.
    """
    service, inner = _position(order.cursor, services)
    total = BulkOutcome()
    number = 0
    while True:
        batch = {
            "action_id": str(uuid5(action_id, str(number))),
            "limit": min(BULK_BATCH_MAX, order.limit - total.matched) if not order.dry_run else 1,
            "cursor": inner,
            "dry_run": order.dry_run,
        }
        number += 1
        part = BulkOutcome.model_validate(await ask(service, batch))
        inner = part.next_cursor
        if inner is None:
            following = services.index(service) + 1
            if following == len(services):
                total = _sum(total, part, None)
                order.note(total)
                return total
            service = services[following]
        total = _sum(total, part, encode_cursor(service, inner or ""))
        order.note(total)
        if total.matched >= order.limit and not order.dry_run:
            return total


async def nothing_made(_: UUID) -> dict[str, Any]:
    """Say that an action is not known here: its services know what they have done of it.

    Raises:
        ProblemRaised: 404.
    """
    raise refuse(404, "not_found", "the services know what was done")


def _position(cursor: str | None, services: Sequence[str]) -> tuple[str, str | None]:
    if cursor is None:
        return services[0], None
    service, inner = decode_cursor(cursor, as_text, as_text)
    if service not in services:
        raise BadCursor
    return service, inner or None


def _sum(total: BulkOutcome, part: BulkOutcome, next_cursor: str | None) -> BulkOutcome:
    failures: list[BulkFailure] = [*total.failures, *part.failures]
    return BulkOutcome(
        matched=total.matched + part.matched,
        done=total.done + part.done,
        failed=total.failed + part.failed,
        failures=failures[:BULK_FAILURES_MAX],
        next_cursor=next_cursor,
    )
