"""DataTransfer from stations (OCPP 1.6, 4.3): kept and told; no vendor's extension is known."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.calls import StationCall
from csms_shared.db.outbox import write_events
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Reply, Work
from station_registry.data_transfer.store import save_transfers
from station_registry.database.tables import outbox
from station_registry.events import fact_of_call
from station_registry.works import call_reply, parsed

# The schema's spelling, against the specification's prose.
_UNKNOWN_VENDOR: dict[str, object] = {"status": "UnknownVendorId"}


async def transfer_data(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Store data transfers that can still be answered, and answer them."""
    now = now_ms()
    wanted = [(work, call) for work, call in parsed(works, StationCall) if call.deadline_ms > now]
    if not wanted:
        return []
    stored = await save_transfers(connection, [call for _, call in wanted])
    new = {
        (call.connection_id, call.seq): call
        for _, call in wanted
        if (call.connection_id, call.seq) in stored
    }
    await write_events(
        connection,
        outbox,
        [
            fact_of_call(
                "station.data_transferred",
                call,
                vendor_id=call.payload["vendorId"],
                message_id=call.payload.get("messageId"),
                data=call.payload.get("data"),
            )
            for call in new.values()
        ],
    )
    return [call_reply(work, call, _UNKNOWN_VENDOR) for work, call in wanted]
