"""Pages of the events that are kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from command_api.live_events.domain.events import Wanted
from command_api.live_events.handlers.stored_events import StoredEvents
from command_api.scopes.handlers import RememberedStations
from csms_shared.contracts.event_store import StoredEvent
from csms_shared.runtime.clock import monotonic
from csms_shared.values.times import format_time

# Until a page is full: the store looks through so much at once, and scopes leave events out.
READS_MAX = 20
READS_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Span:
    """Events after a position, of a time from one (included) to another (not included)."""

    after: int | None
    from_time: datetime | None
    to_time: datetime | None

    def asked(self) -> dict[str, Any]:
        """Return what the event store is asked for."""
        times = {"from_time": self.from_time, "to_time": self.to_time}
        texts = {name: format_time(at) for name, at in times.items() if at is not None}
        return texts if self.after is None else {"after": self.after, **texts}


async def history_page(
    store: StoredEvents,
    wanted: Wanted,
    span: Span,
    limit: int,
    within: RememberedStations | None,
) -> dict[str, Any]:
    """Return a page of at most `limit` events, in the order of positions.

    `next_cursor` is the position after which the next one begins, null at the end. A page may be
    short before that.

    Raises:
        ProblemRaised: 410, what follows the position is kept no longer.
        ServiceAway: the store, or who knows the scope, does not answer.
    """
    items: list[StoredEvent] = []
    where, until = span.asked(), monotonic() + READS_WITHIN_S
    for _ in range(READS_MAX):
        page = await store.read(wanted, {**where, "limit": limit - len(items)})
        items += await _shown(page.items, within)
        where["after"] = page.position
        if page.is_end or len(items) >= limit or monotonic() > until:
            break
    return {
        "items": [item.model_dump() for item in items],
        "next_cursor": None if page.is_end else str(page.position),
    }


async def _shown(items: list[StoredEvent], within: RememberedStations | None) -> list[StoredEvent]:
    if within is None:
        return items
    stations = {item.event["subject"] for item in items}
    return [item for item in items if await within.holds(item.event["subject"], lambda: stations)]
