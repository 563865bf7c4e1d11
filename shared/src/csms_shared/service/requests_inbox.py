"""Requests of other services: parsed, checked, handled each in its own transaction, answered.

A request is a person's question with a short deadline, not a fact: it is answered with a problem
where the database is away, and never retried or parked. Its sender is told, and asks again.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import structlog
from pydantic import BaseModel, TypeAdapter, ValidationError

from csms_shared.broker.consumer import Delivery, Rest
from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.reading import UnreadableMessage, read_batch
from csms_shared.broker.replies import Replies
from csms_shared.broker.requests import reply_message
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.refusals import ProblemRaised, outside_scope, refuse
from csms_shared.contracts.requests import (
    SCOPED,
    RequestBatch,
    RequestItem,
    ResponseMessage,
    WithinScope,
)
from csms_shared.db.engine import RequestHandler
from csms_shared.db.tenancy import acting_for
from csms_shared.runtime.clock import now_ms
from csms_shared.runtime.errors import Unavailable

log = structlog.get_logger(__name__)

# Each has a connection of its own: none waits for another's once it has begun.
AT_ONCE = 4
# Past this, whoever asked has long been told that there is no answer.
LONGEST_S = 30.0

_RESULT = TypeAdapter[Any](Any)


class RequestsInbox:
    """Consumer handler of a queue of requests.

    `operations` names each operation's parameter model, `handlers` who handles it; a handler
    returns what goes out as `result` (models, lists or dictionaries of them, or None) or raises
    `ProblemRaised`. At most `AT_ONCE` requests run at once. The consumer takes the next message
    while they do, and acknowledges each when it is answered: a slow one delays only as many
    others as find no room beside it.
    """

    def __init__(
        self,
        *,
        replies: Replies,
        operations: Mapping[str, type[BaseModel]],
        handlers: Mapping[str, RequestHandler],
        after: Callable[[], None] = lambda: None,
    ) -> None:
        if operations.keys() != handlers.keys():
            raise ValueError(
                f"operations without handler or the reverse: {operations.keys() ^ handlers.keys()}"
            )
        self._replies = replies
        self._operations = operations
        self._handlers = handlers
        self._after = after
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, deliveries: Sequence[Delivery]) -> Rest:
        """Return what answers every request of `deliveries` that is still waited for."""
        return partial(self._answer_all, deliveries)

    async def _answer_all(self, deliveries: Sequence[Delivery]) -> None:
        await asyncio.gather(*(self._answer(delivery) for delivery in deliveries))

    async def _answer(self, delivery: Delivery) -> None:
        if delivery.type != MessageType.REQUEST:
            return  # a probe of the queue
        try:
            batch = read_batch(RequestBatch, MessageType.REQUEST, delivery.body)
        except UnreadableMessage:
            return
        deadline_ms = batch.deadline_ms + delivery.ahead_ms
        answers = [await self._in_turn(item, batch.reply_key, deadline_ms) for item in batch.items]
        await self._replies.deliver([answer for answer in answers if answer is not None])

    async def _in_turn(
        self, item: RequestItem, reply_key: str, deadline_ms: int
    ) -> Outgoing | None:
        async with self._slots:
            if deadline_ms <= now_ms():
                log.warning("request_late", operation=item.operation)
                return None
            response = await self.respond(item)
        self._after()
        try:
            return reply_message(reply_key, MessageType.RESPONSE, response)
        except TypeError:
            # A number that JSON writers do not take, such as one of more than 64 bits.
            log.exception("response_unwritable", operation=item.operation)
            response = _problem(refuse(500, "internal_error", "the answer can't be written"))
            return reply_message(reply_key, MessageType.RESPONSE, response)

    async def respond(self, item: RequestItem) -> dict[str, Any]:
        """Return the response to one request: its result or its problem."""
        try:
            result = await self._handle(item)
        except ProblemRaised as refusal:
            return _problem(refusal)
        return {"result": result, "problem": None}

    async def _handle(self, item: RequestItem) -> Any:
        operation = item.operation.removeprefix(SCOPED)
        model = self._operations.get(operation)
        if model is None:
            raise refuse(404, "unknown_operation", f"there is no operation {operation}")
        whose: dict[str, Any] = {"tenant_id": item.tenant_id}
        if issubclass(model, WithinScope):
            whose["scope"] = item.scope
        elif item.scope is not None:
            raise outside_scope()
        try:
            parameters = model.model_validate(item.parameters | whose)
        except ValidationError as error:
            raise _invalid(error) from error
        try:
            async with asyncio.timeout(LONGEST_S):
                with acting_for(item.tenant_id):
                    result = await self._handlers[operation](parameters)
            return _RESULT.dump_python(result, mode="json")
        except (Unavailable, TimeoutError) as error:
            log.warning("request_unavailable", operation=item.operation, error=str(error)[:200])
            raise refuse(503, "service_unavailable", "the database is away") from error
        except ProblemRaised:
            raise
        except Exception as error:
            # Our own defect: its neighbours are answered all the same.
            log.exception("request_failed", operation=item.operation)
            raise refuse(500, "internal_error", "this request met a defect") from error


def _problem(refusal: ProblemRaised) -> dict[str, Any]:
    return ResponseMessage(problem=refusal.problem).model_dump(mode="json")


def _invalid(error: ValidationError) -> ProblemRaised:
    problems = [
        (".".join(str(part) for part in problem["loc"]), problem["msg"])
        for problem in error.errors(include_url=False, include_input=False)
    ]
    return refuse(422, "invalid_request", "the parameters are not valid", *problems)
