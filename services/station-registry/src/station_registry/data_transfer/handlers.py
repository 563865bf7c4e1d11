"""Data that stations transfer: kept and told; no vendor's extension is known."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.read_calls import Answer, Call, answer
from csms_shared.runtime.clock import now_ms
from station_registry.data_transfer.domain import Transfer, TransferAnswer
from station_registry.data_transfer.store import save_transfers
from station_registry.database.telling import tell
from station_registry.events import fact_of_call


async def transfer_data(
    connection: AsyncConnection, calls: Sequence[Call[Transfer]]
) -> list[Answer[TransferAnswer]]:
    """Store data transfers that can still be answered, and answer them."""
    now = now_ms()
    wanted = [call for call in calls if call.deadline_ms > now]
    if not wanted:
        return []
    stored = await save_transfers(connection, wanted)
    new = {
        (call.connection_id, call.seq): call
        for call in wanted
        if (call.connection_id, call.seq) in stored
    }
    await tell(
        connection,
        [
            fact_of_call(
                "station.data_transferred",
                call,
                vendor_id=call.value.vendor_id,
                message_id=call.value.message_id,
                data=call.value.data,
            )
            for call in new.values()
        ],
    )
    return [answer(call, TransferAnswer.UNKNOWN_VENDOR) for call in wanted]
