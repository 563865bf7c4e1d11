"""Orders to command-api, of what a service wants of a station."""

from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.orders import CommandOrder, order_of
from csms_shared.ocpp.intents import Intent


def command_order(
    station_id: str, intent: Intent, now_ms: int, within_ms: int, created_by: str
) -> CommandOrder:
    """Return an order that is made at `now_ms` (Unix epoch) and waits for `within_ms` at most."""
    return order_of(
        intent,
        order_id=new_command_id(now_ms),
        station_id=station_id,
        deadline_ms=now_ms + within_ms,
        created_by=created_by,
    )
