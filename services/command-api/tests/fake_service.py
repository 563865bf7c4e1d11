"""A service that answers requests over a real broker, as its test says."""

from collections.abc import Callable
from typing import Any

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.requests import reply_message
from csms_shared.broker.topology import requests_queue
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.requests import Problem, RequestBatch, ResponseMessage
from csms_shared.contracts.scopes import Scope

Operation = Callable[[dict[str, Any]], Any]


class Gibberish(Exception):
    """Raised by an operation: the reply is to be none that the contract knows."""


class Unanswered(Exception):
    """Raised by an operation: there is to be no reply."""


class FakeService:
    """Answers requests to one service from a table of operations, and remembers them."""

    def __init__(self, link: Link, publisher: Publisher, service: str) -> None:
        self._publisher = publisher
        self.operations: dict[str, Operation] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        # Of each of them, for which tenant it was.
        self.tenants: list[str] = []
        self.scopes: list[Scope | None] = []
        self.silent = False
        self.consumer = Consumer(link, requests_queue(service), self._handle, prefetch=100)

    async def _handle(self, deliveries: list[Delivery]) -> None:
        if self.silent:
            return
        for delivery in deliveries:
            if delivery.type != MessageType.REQUEST:
                continue
            batch = RequestBatch.model_validate_json(delivery.body)
            for item in batch.items:
                self.requests.append((item.operation, item.parameters))
                self.tenants.append(item.tenant_id)
                self.scopes.append(item.scope)
                try:
                    response = self._answer(item.operation, item.parameters)
                    document: Any = response.model_dump(mode="json")
                except Gibberish:
                    document = "gibberish"
                except Unanswered:
                    continue
                message = reply_message(batch.reply_key, MessageType.RESPONSE, document)
                await self._publisher.publish_all([message])

    def _answer(self, operation: str, parameters: dict[str, Any]) -> ResponseMessage:
        handler = self.operations.get(operation)
        if handler is None:
            problem = Problem(status=404, code="not_found", detail=f"no {operation} here")
            return ResponseMessage(problem=problem)
        try:
            return ResponseMessage(result=handler(parameters))
        except ProblemRaised as refused:
            return ResponseMessage(problem=refused.problem)

    def asked(self, operation: str) -> list[dict[str, Any]]:
        """Return the parameters of all requests of an operation."""
        return [parameters for name, parameters in self.requests if name == operation]
