"""What leaves an outbox as one message, and where to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import (
    COMMAND_COMPLETED_KEY,
    COMMAND_ORDERS_KEY,
    INTERNAL_EVENT_KEYS,
    INTERNAL_EVENTS,
    REQUESTS,
    command_completed_key,
)
from csms_shared.contracts.envelope import BATCH_MAX_BYTES, BATCH_MAX_ITEMS
from csms_shared.contracts.events import EVENTS_CONTENT_TYPE
from csms_shared.contracts.message_types import MessageType


class Destination(NamedTuple):
    """An exchange, and the routing key of rows that leave to it."""

    exchange: str
    routing_key: str


@dataclass(frozen=True, slots=True)
class JoinedRows:
    """Rows of one routing key that leave as one message; `events` is a JSON array of `count`."""

    ids: tuple[int, ...]
    routing_key: str
    events: bytes
    count: int

    def destinations(self) -> tuple[Destination, ...]:
        """Return where it goes: orders to their queue, events to those who follow them."""
        key = self.routing_key
        if key == COMMAND_ORDERS_KEY:
            return (Destination(REQUESTS, key),)
        # A row of a program of the release before may be of a key that nobody follows.
        return (Destination(INTERNAL_EVENTS, key),) if is_followed(key) else ()


def is_followed(key: str) -> bool:
    """Tell whether a service of the suite follows events of this routing key."""
    return _told_as(key) in INTERNAL_EVENT_KEYS


def _told_as(key: str) -> str:
    return COMMAND_COMPLETED_KEY if key.startswith(command_completed_key("")) else key


def outgoing(destination: Destination, events: bytes) -> Outgoing:
    """Return the message that takes a JSON array of events or orders to its destination."""
    exchange, key = destination
    if exchange == REQUESTS:
        return Outgoing(exchange, key, MessageType.COMMAND_ORDERS, b'{"items":' + events + b"}")
    told_as = _told_as(key)
    return Outgoing(
        exchange,
        told_as,
        MessageType.EVENTS,
        events,
        content_type=EVENTS_CONTENT_TYPE,
        also=() if told_as == key else (key,),
    )


def join_rows(rows: Sequence[tuple[int, str, bytes, int]]) -> list[JoinedRows]:
    """Join rows, given as (id, routing key, events, count), into messages of a batch's size."""
    open_groups: dict[str, tuple[list[int], list[bytes], int, int]] = {}
    closed: list[JoinedRows] = []

    def close(key: str) -> None:
        ids, parts, _, items = open_groups.pop(key)
        # Each part is a non-empty JSON array: joined without parsing them again.
        events = b"[" + b",".join(part[1:-1] for part in parts) + b"]"
        closed.append(JoinedRows(tuple(ids), key, events, items))

    for row_id, key, events, count in rows:
        if key in open_groups:
            _, _, size, items = open_groups[key]
            if size + len(events) > BATCH_MAX_BYTES or items + count > BATCH_MAX_ITEMS:
                close(key)
        ids, parts, size, items = open_groups.get(key, ([], [], 0, 0))
        ids.append(row_id)
        parts.append(bytes(events))
        open_groups[key] = (ids, parts, size + len(events), items + count)
    for key in list(open_groups):
        close(key)
    return closed
