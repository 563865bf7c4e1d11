"""Asking the other services; what went wrong becomes a refusal or `ServiceAway`."""

from typing import Any

from command_api.handlers.ports import ServiceAway
from csms_shared.broker.errors import BrokerError
from csms_shared.broker.requests import Requester
from csms_shared.refusals import ProblemRaised

REQUEST_TIMEOUT_S = 4.0


class BrokerServices:
    """`Services` over the broker."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        """Return the result.

        Raises:
            ProblemRaised: the service refused.
            ServiceAway: it does not answer within `REQUEST_TIMEOUT_S`.
        """
        try:
            response = await self._requester.request(
                service, operation, parameters, REQUEST_TIMEOUT_S
            )
        except BrokerError as error:
            raise ServiceAway(f"{service} does not answer: {error}") from error
        if response.problem is not None:
            if response.problem.status == 503:
                raise ServiceAway(f"{service}: {response.problem.detail}")
            raise ProblemRaised(response.problem)
        return response.result
