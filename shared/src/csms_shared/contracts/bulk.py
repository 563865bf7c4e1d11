"""Bulk actions: one request for all items that a filter finds, in batches, once for each id.

An action is asked for batch by batch, so that no batch holds locks, a connection or its asker for
long. Each batch has an id of its own; asked again under the same id, its service answers what it
has done, and does nothing.
"""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.requests import OfTenant
from csms_shared.values.numbers import Whole

# Items of a batch, so that it is done in some tenths of a second.
BULK_BATCH_MAX = 100
# Failures that an answer names; the others are counted.
BULK_FAILURES_MAX = 100
# A dry run counts no further.
BULK_COUNT_MAX = 100_000


class BulkFailure(Contract):
    """An item that was left as it is.

    `code`: `busy` (something else is changing it at this moment: to be asked for again), `defect`
    (the service's log says more), or what is wrong with it.
    """

    id: str
    code: str
    detail: str


class BulkOutcome(Contract):
    """What a bulk action has done.

    `matched`: how many items it has looked at; in a dry run, how many there are, counted to
    100,000. Those that others have dealt with meanwhile are neither `done` nor `failed`. Of the
    failures 100 are named. `next_cursor` is null where no more match.
    """

    matched: int = 0
    done: int = 0
    failed: int = 0
    failures: list[BulkFailure] = Field(default_factory=list)
    next_cursor: str | None = None


class BulkBatch(OfTenant):
    """Names one batch of a bulk action: at most `limit` items after `cursor`.

    A `dry_run` counts all that match after the cursor, whatever the limit, and changes nothing.
    """

    action_id: UUID
    limit: Annotated[int, Whole(1, BULK_BATCH_MAX)]
    cursor: str | None = None
    dry_run: bool = False
