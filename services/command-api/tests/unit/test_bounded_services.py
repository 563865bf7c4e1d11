"""Questions that no request waits for, of which each service gets a few at once."""

import asyncio
from typing import Any

from command_api.amqp.services import BoundedServices
from csms_shared.broker.topology import SESSION_SERVICE, STATION_REGISTRY

AT_ONCE = 3


class Asked:
    """Answers for the registry; session-service keeps everybody waiting."""

    def __init__(self) -> None:
        self.waiting = 0

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> str:
        if service == SESSION_SERVICE:
            self.waiting += 1
            await asyncio.Event().wait()
        return operation


async def test_a_service_that_does_not_answer_keeps_no_question_from_another() -> None:
    asked = Asked()
    services = BoundedServices(asked, AT_ONCE)
    unanswered = [
        asyncio.create_task(services.ask(SESSION_SERVICE, "transactions.open", {}))
        for _ in range(2 * AT_ONCE)
    ]
    await asyncio.sleep(0)
    async with asyncio.timeout(1):
        assert await services.ask(STATION_REGISTRY, "configuration.values", {}) == (
            "configuration.values"
        )
    assert asked.waiting == AT_ONCE
    for question in unanswered:
        question.cancel()
    await asyncio.gather(*unanswered, return_exceptions=True)
