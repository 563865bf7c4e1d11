"""The history of a station and its availability, through the whole suite."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets
from httpx import HTTPStatusError

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.admitted import admitted
from tests.integration.waiting import eventually

Payload = dict[str, Any]


class Station:
    """A connected station that says one status after the other, and has every change scheduled."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self._sent = 0
        self._answers: asyncio.Queue[Payload] = asyncio.Queue()

    async def answer(self) -> None:
        async for frame in self._socket:
            kind, unique_id, *rest = json.loads(frame)
            if kind == 2:
                await self._socket.send(json.dumps([3, unique_id, {"status": "Scheduled"}]))
            else:
                self._answers.put_nowait(rest[0])

    async def call(self, action: str, payload: Payload) -> Payload:
        self._sent += 1
        await self._socket.send(json.dumps([2, str(self._sent), action, payload]))
        return await asyncio.wait_for(self._answers.get(), 20)

    async def status(self, connector: int, status: str, **more: str) -> None:
        payload = {"connectorId": connector, "status": status, "errorCode": "NoError", **more}
        await self.call("StatusNotification", payload)


@pytest.fixture
async def station(run: RunState, station_id: str) -> AsyncIterator[Station]:
    async with admitted(f"{run.ocpp_url}/{station_id}") as socket:
        station = Station(socket)
        answering = asyncio.create_task(station.answer())
        await station.call(
            "BootNotification", {"chargePointVendor": "ACME", "chargePointModel": "M1"}
        )
        yield station
        answering.cancel()


async def _history(operator: Operator, station_id: str, **query: str) -> list[Payload]:
    return await operator.items(f"/stations/{station_id}/history", **query)


async def test_what_became_of_a_station_is_listed_newest_first(
    run: RunState, station: Station, operator: Operator, station_id: str
) -> None:
    await station.status(1, "Available", timestamp="1970-01-01T00:00:10Z")
    await station.status(1, "Available")
    await station.status(1, "Faulted", info="door open", vendorId="ACME", vendorErrorCode="E42")
    # A second connection takes over, and goes.
    async with admitted(f"{run.ocpp_url}/{station_id}"):
        pass
    changes = await eventually(
        lambda: _history(operator, station_id),
        lambda found: (
            [each["status"] for each in found]
            == ["offline", "online", "Faulted", "Available", "online"]
        ),
    )
    times = [each["received_at"] for each in changes]
    assert times == sorted(times, reverse=True)
    assert [each["reason"] for each in changes][1:] == ["superseded", None, None, "new_connection"]
    assert changes[0]["reason"]
    _, _, faulted, available, _ = changes
    assert (faulted["info"], faulted["vendor_error_code"]) == ("door open", "E42")
    assert (available["connector_id"], available["flags"]) == (1, ["clock_not_set"])
    window = {"from": faulted["received_at"], "to": times[1]}
    assert await _history(operator, station_id, **window) == [faulted]


async def test_an_unknown_station_has_no_history(operator: Operator) -> None:
    with pytest.raises(HTTPStatusError) as raised:
        await _history(operator, "nobody knows it")
    assert raised.value.response.status_code == 404


async def test_an_availability_that_a_station_took_is_shown(
    station: Station, operator: Operator, station_id: str
) -> None:
    await station.status(0, "Available")
    await station.status(1, "Available")
    for connector, kind in ((0, "Inoperative"), (1, "Operative")):
        command = await operator.command(
            station_id, "ChangeAvailability", {"connectorId": connector, "type": kind}
        )
        assert command["accepted"] is True
    shown = await eventually(
        lambda: operator.get(f"/stations/{station_id}"),
        lambda found: found["connectors"][-1]["availability"] == "Operative",
    )
    assert (shown["availability"], shown["availability_scheduled"]) == ("Inoperative", True)
    assert [each["availability"] for each in shown["connectors"]] == ["Inoperative", "Operative"]
