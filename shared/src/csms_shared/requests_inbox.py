"""Requests of other services: parsed, checked, handled each in its own transaction, answered.

A request is a person's question with a short deadline, not a fact: it is answered with a problem
where the database is away, and never retried or parked. Its sender is told, and asks again.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from pydantic import BaseModel, TypeAdapter, ValidationError

from csms_shared.broker.consumer import Delivery
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.requests import reply_message
from csms_shared.clock import now_ms
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.requests import RequestBatch, RequestItem, ResponseMessage
from csms_shared.db.engine import RequestHandler
from csms_shared.errors import Unavailable
from csms_shared.refusals import ProblemRaised, refuse

log = structlog.get_logger(__name__)

AT_ONCE = 8

_RESULT = TypeAdapter[Any](Any)


class RequestsInbox:
    """Consumer handler of a service's requests queue.

    `operations` names each operation's parameter model, `handlers` who handles it; a handler
    returns what goes out as `result` (models, lists or dictionaries of them, or None) or raises
    `ProblemRaised`. At most `AT_ONCE` requests run at once.
    """

    def __init__(
        self,
        *,
        publisher: Publisher,
        operations: Mapping[str, type[BaseModel]],
        handlers: Mapping[str, RequestHandler],
        after: Callable[[], None] = lambda: None,
    ) -> None:
        if operations.keys() != handlers.keys():
            raise ValueError(
                f"operations without handler or the reverse: {operations.keys() ^ handlers.keys()}"
            )
        self._publisher = publisher
        self._operations = operations
        self._handlers = handlers
        self._after = after
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, deliveries: Sequence[Delivery]) -> None:
        """Answer every request of `deliveries` that is still waited for."""
        await asyncio.gather(*(self._answer(delivery) for delivery in deliveries))
        self._after()

    async def _answer(self, delivery: Delivery) -> None:
        if delivery.type != MessageType.REQUEST:
            return  # a probe of the queue
        try:
            batch = RequestBatch.model_validate_json(delivery.body)
        except ValidationError as error:
            log.error("request_unreadable", error=str(error)[:500])
            return
        for item in batch.items:
            async with self._slots:
                if batch.deadline_ms + delivery.ahead_ms <= now_ms():
                    log.warning("request_late", operation=item.operation)
                    continue
                response = await self.respond(item)
            message = reply_message(batch.reply_key, MessageType.RESPONSE, response)
            # Returned or unconfirmed: whoever asked has gone, or will run into the deadline.
            await self._publisher.publish_all([message])

    async def respond(self, item: RequestItem) -> dict[str, Any]:
        """Return the response to one request: its result or its problem."""
        try:
            result = await self._handle(item)
        except ProblemRaised as refusal:
            return ResponseMessage(problem=refusal.problem).model_dump(mode="json")
        return {"result": _RESULT.dump_python(result, mode="json"), "problem": None}

    async def _handle(self, item: RequestItem) -> Any:
        model = self._operations.get(item.operation)
        if model is None:
            raise refuse(404, "unknown_operation", f"there is no operation {item.operation}")
        try:
            parameters = model.model_validate(item.parameters)
        except ValidationError as error:
            raise _invalid(error) from error
        try:
            return await self._handlers[item.operation](parameters)
        except Unavailable as error:
            log.warning("request_unavailable", operation=item.operation, error=str(error)[:200])
            raise refuse(503, "service_unavailable", "the database is away") from error
        except ProblemRaised:
            raise
        except Exception as error:
            # Our own defect: its neighbours are answered all the same.
            log.exception("request_failed", operation=item.operation)
            raise refuse(500, "internal_error", "this request met a defect") from error


def _invalid(error: ValidationError) -> ProblemRaised:
    problems = [
        (".".join(str(part) for part in problem["loc"]), problem["msg"])
        for problem in error.errors(include_url=False, include_input=False)
    ]
    return refuse(422, "invalid_request", "the parameters are not valid", *problems)
