"""Public events as the outbox takes them; each id follows from the fact, not who brought it."""

from typing import Any

from csms_shared.contracts.events import CloudEvent, event_id, event_type
from csms_shared.runtime.clock import utc_now
from csms_shared.values.times import format_time

SOURCE = "/csms/session-service"
Event = tuple[str, CloudEvent]


def joined(*parts: object) -> str:
    """Return the parts as one text that no other parts have; None counts as empty."""
    return "\x1f".join("" if part is None else str(part) for part in parts)


def event_of(
    routing_key: str, tenant_id: str, cause: str, subject: str, data: dict[str, Any]
) -> Event:
    """Return an event of a tenant under its routing key; `cause` is what its id follows from."""
    # Our own values need no validation, which on the path of meter values is a cost.
    return routing_key, CloudEvent.model_construct(
        id=event_id(routing_key, cause),
        source=SOURCE,
        type=event_type(routing_key),
        subject=subject,
        time=format_time(utc_now()),
        tenantid=tenant_id,
        data=data,
    )
