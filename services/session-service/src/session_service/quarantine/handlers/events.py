"""The public events of the quarantine."""

from session_service.handling.events import Event, event_of, joined
from session_service.quarantine.store.items import Unmatched


def quarantine_added(item: Unmatched) -> Event:
    """Tell of a report that fits no transaction; the event's id stands for this very content.

    A copy of the report is the same item, and is not added again while that is stored. Added after
    it was purged, it has a stamp of its own, which makes it another event.
    """
    data = {
        "id": str(item.id),
        "kind": item.kind,
        "station_id": item.station_id,
        "wire_transaction_id": item.wire_id,
        "reason": item.reason,
        "epoch": item.stamp[0],
        "seq": item.stamp[1],
    }
    return event_of(
        "quarantine.added", item.tenant_id, joined(*data.values()), item.station_id, data
    )
