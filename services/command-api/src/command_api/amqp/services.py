"""Asking the other services; what went wrong becomes a refusal or `ServiceAway`."""

from collections import defaultdict
from typing import Any

from command_api.concurrency.limiters import Limiter
from command_api.ports import ServiceAway, ServiceFailed, ServiceOlder, Services
from command_api.scopes.domain import limit
from csms_shared.broker.errors import BrokerError
from csms_shared.broker.requests import Requester
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.db.tenancy import acted_for
from csms_shared.values.tenants import DEFAULT_TENANT

REQUEST_TIMEOUT_S = 4.0
# A service without its database; another 503 says itself what is wrong.
_AWAY = "service_unavailable"
# A replica of the release before, beside which this one runs: no word on what was asked.
_OLDER = "unknown_operation"


class BoundedServices:
    """`Services` of which each is asked so much at once; for checks that no request waits for.

    One that does not answer takes no room from another.
    """

    def __init__(self, services: Services, at_once: int) -> None:
        self._services = services
        self._slots: defaultdict[str, Limiter] = defaultdict(lambda: Limiter(at_once))

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        """Return the result once there is room to ask; raises what `services` raises."""
        async with self._slots[service].slot():
            return await self._services.ask(service, operation, parameters)


class BrokerServices:
    """`Services` over the broker, asked for the tenant that is acted for, and within its scope."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        """Return the result.

        Raises:
            ProblemRaised: the service refused, with a status below 500.
            ServiceAway: it does not answer within `REQUEST_TIMEOUT_S`, or failed.
        """
        try:
            response = await self._requester.request(
                service,
                operation,
                parameters,
                REQUEST_TIMEOUT_S,
                tenant_id=acted_for() or DEFAULT_TENANT,
                scope=limit(),
            )
        except BrokerError as error:
            raise ServiceAway(f"{service} does not answer: {error}") from error
        problem = response.problem
        if problem is None:
            return response.result
        if problem.code == _AWAY:
            raise ServiceAway(f"{service}: {problem.detail}")
        if problem.code == _OLDER:
            raise ServiceOlder(f"{service} is of another release: {problem.detail}")
        if problem.status >= 500 and problem.status != 503:
            raise ServiceFailed(f"{service} failed: {problem.detail}")
        raise ProblemRaised(problem)
