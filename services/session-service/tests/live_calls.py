"""MeterValues of open transactions, and the events that tell of their live figures."""

from datetime import timedelta
from typing import Any

from session_records import BASE, Records

from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time

POWER = {"measurand": "Power.Active.Import", "unit": "kW"}
SOC = {"measurand": "SoC", "unit": "Percent", "location": "EV"}


def values(records: Records, seq: int, *sampled: dict[str, str], **fields: Any) -> Work:
    """Return a MeterValues with these sampled values, by default of `seq` minutes after the start.

    `timestamp`: what it says in place of that.
    """
    timestamp = fields.pop("timestamp", format_time(BASE + timedelta(minutes=seq)))
    value = [{"timestamp": timestamp, "sampledValue": list(sampled)}]
    return records.meter_values(seq, meter_value=value, **fields)


async def started(records: Records, number: int = 1) -> None:
    await records.token("T1", max_concurrent=None)
    await records.decide(*(records.start(seq=1, station_id=f"S{n}") for n in range(1, number + 1)))


async def told(records: Records) -> list[dict[str, Any]]:
    return [
        event["data"]
        for event in await records.events()
        if event["type"] == "csms.transaction.updated.v1"
    ]
