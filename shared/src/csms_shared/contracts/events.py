"""Public events: CloudEvents 1.0 in batches of the structured JSON batch format."""

import uuid
from typing import Any

from csms_shared.contracts.envelope import Contract

EVENT_NAMESPACE = uuid.UUID("6f1d3f0e-52c1-5d0b-9d53-1b6e3c0f7a10")
EVENTS_CONTENT_TYPE = "application/cloudevents-batch+json"


class CloudEvent(Contract):
    """One fact. `id` with `source` is the key to drop duplicates by.

    `type` is `csms.<domain>.<event>.v1`, `subject` the station id; `data.epoch` and `data.seq`
    order the events of a station where it caused them. Order on the wire is not promised.
    """

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str = "application/json"
    data: dict[str, Any]


def event_id(*parts: str | int) -> str:
    """Derive the id of an event from what caused it, so that a redelivery makes the same id."""
    return str(uuid.uuid5(EVENT_NAMESPACE, "\x1f".join(str(part) for part in parts)))


def event_type(routing_key: str) -> str:
    """Return the CloudEvents type of a routing key: `transaction.started` -> `csms....v1`."""
    return f"csms.{routing_key}.v1"
