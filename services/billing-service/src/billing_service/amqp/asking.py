"""Questions to the services that know of sessions and places, over the broker."""

import asyncio
from collections.abc import Sequence
from typing import Any

from billing_service.bills.handlers.asking import NotAnswered, SomeSessions
from csms_shared.broker.errors import AnswerUnreadable, BrokerError, RequestTimedOut
from csms_shared.broker.requests import Requester
from csms_shared.broker.topology import SESSION_SERVICE, STATION_REGISTRY
from csms_shared.contracts.session_facts import ConnectorTimes
from csms_shared.runtime.errors import Unavailable

# Both questions together end well before a claim does.
ANSWERED_WITHIN_S = 8.0
# With as many statuses as each may have, an answer is one that brokers take (16 MiB).
_PLACES_AT_ONCE = 25
# Of a version before the question, too: it is answered when that is gone.
_NOT_NOW = frozenset(("service_unavailable", "unknown_operation"))


class AskOverBroker:
    """Asks session-service and station-registry."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester

    async def sessions(self, tenant_id: str, transaction_ids: Sequence[int]) -> SomeSessions:
        """Return what is known of the sessions that fit one answer."""
        asked = [*transaction_ids]
        answer = await self._ask(
            SESSION_SERVICE, "sessions.facts", {"transaction_ids": asked}, tenant_id
        )
        later = [one for one in answer.get("later", []) if one in asked]
        if len(later) == len(asked):
            raise NotAnswered("session-service answers with none of the sessions")
        return SomeSessions(answer.get("items", []), later)

    async def reservations(self, tenant_id: str, reservation_ids: Sequence[int]) -> list[Any]:
        """Return what is known of reservations."""
        asked = {"reservation_ids": [*reservation_ids]}
        answer = await self._ask(SESSION_SERVICE, "reservations.facts", asked, tenant_id)
        items: list[Any] = answer.get("items", [])
        return items

    async def places(self, tenant_id: str, sessions: Sequence[ConnectorTimes]) -> list[Any]:
        """Return where sessions and reservations were."""
        portions = [
            sessions[first : first + _PLACES_AT_ONCE]
            for first in range(0, len(sessions), _PLACES_AT_ONCE)
        ]
        answers = await asyncio.gather(*(self._places(tenant_id, one) for one in portions))
        return [item for items in answers for item in items]

    async def _places(self, tenant_id: str, sessions: Sequence[ConnectorTimes]) -> list[Any]:
        asked = {"sessions": [one.model_dump(mode="json") for one in sessions]}
        answer = await self._ask(STATION_REGISTRY, "stations.places", asked, tenant_id)
        items: list[Any] = answer.get("items", [])
        return items

    async def _ask(
        self, service: str, operation: str, parameters: dict[str, Any], tenant_id: str
    ) -> dict[str, Any]:
        try:
            answer = await self._requester.request(
                service, operation, parameters, ANSWERED_WITHIN_S, tenant_id
            )
        except AnswerUnreadable as error:
            raise NotAnswered(str(error)) from error
        except (RequestTimedOut, BrokerError) as error:
            raise Unavailable(f"{service}: {error}"[:300]) from error
        if answer.problem is not None:
            if answer.problem.code in _NOT_NOW:
                raise Unavailable(f"{service}: {answer.problem.detail}")
            raise NotAnswered(f"{service} refuses: {answer.problem.detail}"[:300])
        if not isinstance(answer.result, dict):
            raise NotAnswered(f"{service} answers with no object")
        return answer.result
