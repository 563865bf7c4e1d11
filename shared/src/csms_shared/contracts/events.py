"""Public events: CloudEvents 1.0 in batches of the structured JSON batch format."""

import hashlib
import uuid
from typing import Any

from pydantic import Field

from csms_shared.contracts.envelope import Contract
from csms_shared.values.tenants import DEFAULT_TENANT

EVENT_NAMESPACE = uuid.UUID("6f1d3f0e-52c1-5d0b-9d53-1b6e3c0f7a10")
_VARIANT = {digit: f"{int(digit, 16) & 0x3 | 0x8:x}" for digit in "0123456789abcdef"}
EVENTS_CONTENT_TYPE = "application/cloudevents-batch+json"


class CloudEvent(Contract):
    """One fact. `id` with `source` is the key to drop duplicates by.

    `type` is `csms.<domain>.<event>.v1`, `subject` the station id; `data.epoch` and `data.seq`
    order the events of a station where it caused them. Order on the wire is not promised.
    `tenantid` is whose it is, `siteid` at which site the subject stands (extension attributes,
    CloudEvents 1.0, section 3.1). `siteid` is absent where there is none, or nobody has said;
    `position`, the number of the event in the event store, where the event does not come from it.
    """

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: str
    tenantid: str = DEFAULT_TENANT
    siteid: str | None = Field(None, exclude_if=lambda site_id: site_id is None)
    position: str | None = Field(None, exclude_if=lambda position: position is None)
    datacontenttype: str = "application/json"
    data: dict[str, Any]


OPTIONAL_ATTRIBUTES = ("siteid", "position")


def on_the_wire(event: CloudEvent) -> dict[str, object]:
    """Return the event as it is written; it holds plain JSON already, of which nothing is copied.

    What has no value is no attribute (CloudEvents 1.0, JSON format, section 2.2).
    """
    told: dict[str, object] = vars(event).copy()
    for name in OPTIONAL_ATTRIBUTES:
        if told[name] is None:
            del told[name]
    return told


def event_id(*parts: str | int) -> str:
    """Derive the id of an event from what caused it, so that a redelivery makes the same id.

    A version 5 UUID (RFC 9562, section 5.5), written without the objects that `uuid.uuid5` makes
    on the way: it is made for each meter value call.
    """
    name = "\x1f".join([str(part) for part in parts])
    digest = hashlib.sha1(EVENT_NAMESPACE.bytes + name.encode(), usedforsecurity=False).hexdigest()
    variant = _VARIANT[digest[16]]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def event_type(routing_key: str) -> str:
    """Return the CloudEvents type of a routing key: `transaction.started` -> `csms....v1`."""
    return f"csms.{routing_key}.v1"
