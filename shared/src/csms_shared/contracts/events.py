"""Public events: CloudEvents 1.0 in batches of the structured JSON batch format."""

import hashlib
import uuid
from typing import Any

from csms_shared.contracts.envelope import Contract
from csms_shared.values.tenants import DEFAULT_TENANT

EVENT_NAMESPACE = uuid.UUID("6f1d3f0e-52c1-5d0b-9d53-1b6e3c0f7a10")
_VARIANT = {digit: f"{int(digit, 16) & 0x3 | 0x8:x}" for digit in "0123456789abcdef"}
EVENTS_CONTENT_TYPE = "application/cloudevents-batch+json"


class CloudEvent(Contract):
    """One fact. `id` with `source` is the key to drop duplicates by.

    `type` is `csms.<domain>.<event>.v1`, `subject` the station id; `data.epoch` and `data.seq`
    order the events of a station where it caused them. Order on the wire is not promised.
    `tenantid` is whose it is (an extension attribute, CloudEvents 1.0, section 3.1).
    """

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: str
    tenantid: str = DEFAULT_TENANT
    datacontenttype: str = "application/json"
    data: dict[str, Any]


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
