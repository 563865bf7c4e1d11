"""I5 and I6: the registry knows who is connected, and set aside is what had to be."""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

import httpx

from csms_simulator.errors import CallFailedError
from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from tests.faults.faulty_suite import SCHEMAS, FaultySuite
from tests.faults.violations import Violation

_POLL_S = 0.5
LAST_STATUS = "SuspendedEVSE"
"""What every station reports of its first connector at the end, and never before."""


async def check_presence(
    operator: Operator, station_ids: Collection[str], online: bool, within: float
) -> list[Violation]:
    """Wait until REST says of each of these stations what is true."""
    deadline = asyncio.get_running_loop().time() + within
    wanted = set(station_ids)
    while True:
        try:
            connections = await operator.items("/connections")
        except httpx.HTTPError as failure:
            wrong = {repr(failure)}
        else:
            present = wanted & {connection["station_id"] for connection in connections}
            wrong = wanted - present if online else present
        if not wrong:
            return []
        if asyncio.get_running_loop().time() > deadline:
            text = "offline" if online else "online"
            return [Violation("I5", f"said to be {text} after {within} s: {sorted(wrong)[:10]}")]
        await asyncio.sleep(_POLL_S)


async def report_last_status(stations: Sequence[SimulatedStation], within: float) -> None:
    """Let every station report `LAST_STATUS` until that is acknowledged."""
    async with asyncio.timeout(within):
        await asyncio.gather(*(_report(station) for station in stations))


async def _report(station: SimulatedStation) -> None:
    report = {"connectorId": 1, "errorCode": "NoError", "status": LAST_STATUS}
    while True:
        await station.link.online.wait()
        try:
            await station.call("StatusNotification", report)
        except CallFailedError:
            await asyncio.sleep(_POLL_S)
        else:
            return


async def check_connectors(
    suite: FaultySuite, station_ids: Sequence[str], within: float
) -> list[Violation]:
    """Wait until the registry shows each station's last acknowledged status (I1)."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        async with suite.database() as database:
            rows = await database.fetch(
                "SELECT station_id FROM registry.connector WHERE connector_id = 1 "
                "AND status = $1 AND station_id = ANY($2)",
                LAST_STATUS,
                list(station_ids),
            )
        missing = set(station_ids) - {row["station_id"] for row in rows}
        if not missing:
            return []
        if asyncio.get_running_loop().time() > deadline:
            return [Violation("I1", f"last connector status is not stored: {sorted(missing)[:10]}")]
        await asyncio.sleep(_POLL_S)


async def check_parked(
    suite: FaultySuite, since: datetime, poison: Collection[str], within: float
) -> tuple[int, list[Violation]]:
    """Wait until exactly one item of each station in `poison` is parked; return how many are."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        parked: Counter[str] = Counter()
        async with suite.database() as database:
            for schema in SCHEMAS:
                rows = await database.fetch(
                    f"SELECT station_id, type FROM {schema}.parked WHERE parked_at >= $1", since
                )
                parked.update(row["station_id"] or f"a {row['type']}" for row in rows)
        if parked == Counter(poison):
            return parked.total(), []
        if asyncio.get_running_loop().time() > deadline:
            text = f"parked {dict(parked)}, injected {dict(Counter(poison))}"
            return parked.total(), [Violation("I6", text)]
        await asyncio.sleep(_POLL_S)
