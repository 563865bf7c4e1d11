"""Stations' calls that were stored, as handlers get calls."""

from typing import Any

from csms_shared.contracts.read_calls import Call, UnreadCall


def stored_call(station_id: str, tenant_id: str, row: Any) -> UnreadCall:
    """Return the call that a row keeps with its payload and stamp; nobody waits for its answer."""
    return Call(
        station_id=station_id,
        tenant_id=tenant_id,
        connection_id=row.connection_id,
        epoch=row.epoch,
        seq=row.seq,
        boot_count=0,
        received_ms=round(row.received_at.timestamp() * 1000),
        deadline_ms=0,
        version=row.ocpp_version,
        reply_key=None,
        arrived_at=0.0,
        value=row.payload,
    )
