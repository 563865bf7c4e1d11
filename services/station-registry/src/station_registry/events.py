"""The facts that this service tells, as CloudEvents under the routing keys of `csms.events.v1`."""

from typing import Any

from csms_shared.contracts.events import CloudEvent, event_id, event_type
from csms_shared.contracts.read_calls import Call
from csms_shared.values.times import format_time_ms

SOURCE = "/csms/station-registry"
# Of an event about a station: whose it is, is found out when the event is written.
OF_STATION = ""
Event = tuple[str, CloudEvent]


def fact(key: str, station_id: str, cause: tuple[str | int, ...], at_ms: int, **data: Any) -> Event:
    """Tell a fact about a station; its id is derived from the routing key and the `cause`."""
    return fact_about(key, station_id, cause, at_ms, {"station_id": station_id, **data})


def fact_about(
    key: str,
    subject: str,
    cause: tuple[str | int, ...],
    at_ms: int,
    data: dict[str, Any],
    tenant_id: str = OF_STATION,
) -> Event:
    """Tell a fact about anything that has an id; its own is derived as that of `fact`.

    `tenant_id`: whose it is; to be left out where the subject is a station that nobody moves now.
    """
    return key, CloudEvent(
        id=event_id(key, *cause),
        source=SOURCE,
        type=event_type(key),
        subject=subject,
        time=format_time_ms(at_ms),
        tenantid=tenant_id,
        data=data,
    )


def told_to(tenant_id: str, event: Event) -> Event:
    """Return the event as one of this tenant."""
    key, fact = event
    return key, fact.model_copy(update={"tenantid": tenant_id})


def fact_of_call(key: str, call: Call[object], *cause: str | int, **data: Any) -> Event:
    """Tell a fact that a station's call caused; the same call again makes the same id."""
    return fact_about(
        key,
        call.station_id,
        (call.connection_id, call.seq, *cause),
        call.received_ms,
        {"station_id": call.station_id, "epoch": call.epoch, "seq": call.seq, **data},
        call.tenant_id,
    )
