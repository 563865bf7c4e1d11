"""Questions to the event store."""

from typing import Any

from pydantic import ValidationError

from command_api.concurrency.limiters import Limiter
from command_api.live_events.domain.events import Wanted
from command_api.ports import ServiceAway, Services
from command_api.scopes.domain import limited_to
from csms_shared.broker.topology import INTEGRATION_SERVICE
from csms_shared.contracts.event_store import EventPage, Head

STREAM_PAGE = 100
# Many streams catch up at once after an outage: so many pages are in memory on their way.
STREAM_READS_AT_ONCE = 10


class StoredEvents:
    """What the event store holds, asked for the tenant that is acted for."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._slots = Limiter(STREAM_READS_AT_ONCE)

    async def head(self) -> int:
        """Return the position of the newest event.

        Raises:
            ServiceAway: the store does not answer.
        """
        answer = await self._ask("events.head", {})
        try:
            return Head.model_validate(answer).position
        except ValidationError as error:
            raise ServiceAway("the event store does not say how far it is") from error

    async def read_for_stream(self, wanted: Wanted, after: int) -> EventPage:
        """Return the next page of a stream, when it is its turn; raises what `read` raises."""
        async with self._slots.slot():
            return await self.read(wanted, {"after": after, "limit": STREAM_PAGE})

    async def read(self, wanted: Wanted, where: dict[str, Any]) -> EventPage:
        """Return a page; `where` says from where, up to where, and how much.

        Raises:
            ProblemRaised: it refuses: 410, what is asked for is kept no longer.
            ServiceAway: the store does not answer.
        """
        answer = await self._ask("events.read", {**wanted.asked(), **where})
        try:
            return EventPage.model_validate(answer)
        except ValidationError as error:
            raise ServiceAway("the event store answers with no page") from error

    async def _ask(self, operation: str, parameters: dict[str, Any]) -> Any:
        # It knows no sites and tags: whoever is limited to them is shown less here.
        with limited_to(None):
            return await self._services.ask(INTEGRATION_SERVICE, operation, parameters)
