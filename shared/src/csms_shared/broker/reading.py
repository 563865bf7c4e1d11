"""Reading messages of a version that may be newer: one item that is new or wrong costs that item.

Everything that reads a whole message does it here (docs/adr/0028). Services that own data read
items by themselves: their inbox parks the one that can't be read.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import orjson
import structlog
from pydantic import ValidationError

from csms_shared.contracts.envelope import Batch, Contract
from csms_shared.contracts.events import CloudEvent
from csms_shared.contracts.message_types import MessageType
from csms_shared.observability.metrics import ITEMS_UNREAD

log = structlog.get_logger(__name__)

AnyBatch = TypeVar("AnyBatch", bound=Batch[Any])
Model = TypeVar("Model", bound=Contract)
Item = TypeVar("Item")

_SHOWN = 500

for _type in MessageType:
    ITEMS_UNREAD.labels(_type.value)


class UnreadableMessage(ValueError):
    """No batch of its contract: the body is no JSON, or a field beside the items is wrong."""


def read_batch(contract: type[AnyBatch], type: MessageType, body: bytes) -> AnyBatch:
    """Return the batch with those of its items that can be read; the others are counted.

    Raises:
        UnreadableMessage: nothing of it can be read, which is counted too.
    """
    try:
        # What nearly every message is, in one go.
        return contract.model_validate_json(body)
    except ValidationError as error:
        first = error
    try:
        document = orjson.loads(body)
        batch = contract.model_validate({**document, "items": []})
        items = document["items"]
        if not isinstance(items, list):
            raise TypeError("items are no list")
    except (ValueError, TypeError, KeyError) as error:
        _tell(type, first)
        raise UnreadableMessage(f"{type}: {first}"[:_SHOWN]) from error
    batch.items = list(read_items(_item_contract(contract), type, items))
    return batch


def read_message(contract: type[Model], type: MessageType, body: bytes) -> Model:
    """Return a message that is one item.

    Raises:
        UnreadableMessage: it does not meet its contract, which is counted.
    """
    try:
        return contract.model_validate_json(body)
    except ValidationError as error:
        _tell(type, error)
        raise UnreadableMessage(f"{type}: {error}"[:_SHOWN]) from error


def read_items(contract: type[Model], type: MessageType, items: Iterable[Any]) -> Iterable[Model]:
    """Yield those items that meet their contract; the others are counted."""
    for item in items:
        try:
            yield contract.model_validate(item)
        except ValidationError as error:
            _tell(type, error)


def read_events(body: bytes) -> list[CloudEvent]:
    """Return those events of a batch of CloudEvents that can be read; the others are counted."""
    try:
        events = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        _tell(MessageType.EVENTS, error)
        return []
    listed = events if isinstance(events, list) else [events]
    return list(read_items(CloudEvent, MessageType.EVENTS, listed))


def take_each(type: MessageType, items: Iterable[Item], take: Callable[[Item], None]) -> None:
    """Take every item; one that meets a defect must not come again and block the others.

    For queues of one life of a process, whose messages nobody would repeat.
    """
    for item in items:
        try:
            take(item)
        except Exception:
            ITEMS_UNREAD.labels(type).inc()
            log.exception("item_failed", type=type)


def _item_contract(contract: type[Batch[Any]]) -> type[Contract]:
    annotation = contract.model_fields["items"].annotation
    (item,) = annotation.__args__  # type: ignore[union-attr]
    return item  # type: ignore[no-any-return]


def _tell(type: MessageType, error: Exception) -> None:
    ITEMS_UNREAD.labels(type).inc()
    log.error("item_unreadable", type=type, error=str(error)[:_SHOWN])
