"""What real stations get wrong is answered, stored, and parks nothing anywhere in the suite."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.admitted import admitted
from tests.integration.waiting import eventually

TOKEN = "04A1B2C3D4E5F607"
Frame = tuple[str, dict[str, Any]]

DEVIANT: list[Frame] = [
    ("BootNotification", {"chargePointVendor": "", "chargePointModel": "M" * 40}),
    (
        "StatusNotification",
        {"connectorId": 1, "errorCode": "Error", "status": "Available", "timestamp": "1970-01-01"},
    ),
    (
        "MeterValues",
        {
            "connectorId": 1,
            "meterValue": {
                "timestamp": "2026-11-21 02:00:00",
                "sampledValue": [{"value": 7.5, "unit": "Hz", "measurand": "Request.Energy"}],
            },
        },
    ),
    ("MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": "x", "sampledValue": []}]}),
    (
        "MeterValues",
        {
            "connectorId": 99999999999,
            "transactionId": 99999999999,
            "meterValue": [
                {"timestamp": "9999-12-31T23:59:59Z", "sampledValue": [{"value": "1e999"}]}
            ],
        },
    ),
    (
        "StopTransaction",
        {"transactionId": -1, "meterStop": 10, "timestamp": "2026-11-21T02:00:00+03"},
    ),
    ("StopTransaction", {"transactionId": 0, "meterStop": -5, "timestamp": "never"}),
    (
        "StopTransaction",
        {
            "transactionId": 2**40,
            "meterStop": 2**40,
            "timestamp": "2099-01-01T00:00:00Z",
            "idTag": "T" * 30,
            "reason": "Bored",
        },
    ),
    ("DataTransfer", {"vendorId": "Growatt", "data": {"an": "object"}}),
]

STARTS: list[dict[str, Any]] = [
    {"connectorId": 1, "idTag": "", "meterStart": 0, "timestamp": "2026-11-21T02:00:00"},
    {"connectorId": 1, "idTag": "A" * 21, "meterStart": 0, "timestamp": "1970-01-01T00:00:01Z"},
    {"connectorId": 0, "idTag": TOKEN, "meterStart": -1, "timestamp": "2099-01-01T00:00:00Z"},
    {"connectorId": 1, "idTag": "x\u0000y'; --", "meterStart": 0, "timestamp": "soon"},
]


class RawStation:
    """A station that sends frames as they are."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self._count = 0

    async def call(self, action: str, payload: dict[str, Any]) -> list[Any]:
        """Send a call and return the whole answering frame."""
        self._count += 1
        await self._socket.send(json.dumps([2, str(self._count), action, payload]))
        async with asyncio.timeout(20):
            frame: list[Any] = json.loads(await self._socket.recv())
        assert frame[1] == str(self._count)
        return frame


@pytest.fixture
async def raw_station(run: RunState, station_id: str) -> AsyncIterator[RawStation]:
    url = f"{run.ocpp_url}/{station_id}"
    async with admitted(url) as socket:
        station = RawStation(socket)
        boot = {"chargePointVendor": "V", "chargePointModel": "M"}
        assert (await station.call("BootNotification", boot))[2]["status"] == "Accepted"
        yield station


async def _parked(operator: Operator, station_id: str) -> list[dict[str, Any]]:
    items = await operator.items("/parked")
    return [item for item in items if item["station_id"] == station_id]


async def test_deviant_frames_are_answered_and_park_nothing(
    raw_station: RawStation, operator: Operator, station_id: str
) -> None:
    for action, payload in DEVIANT:
        frame = await raw_station.call(action, payload)
        assert frame[0] == 3, (action, payload, frame)

    async def quarantined() -> list[dict[str, Any]]:
        items = await operator.items("/quarantine")
        return [item for item in items if item["station_id"] == station_id]

    await eventually(quarantined, lambda found: len(found) == 4)
    assert await _parked(operator, station_id) == []
    # Of every service's calls: a boot and a status, a stop, meter values, a data transfer.
    names = {"empty_vendor", "unknown_enum", "no_transaction_id", "empty_samples", "data_not_text"}
    await eventually(
        lambda: operator.get(f"/stations/{station_id}"),
        lambda found: found["tolerated"].keys() >= names,
    )


async def test_every_start_gets_a_positive_id_of_its_own(
    raw_station: RawStation, operator: Operator, station_id: str
) -> None:
    ids = []
    for payload in STARTS:
        frame = await raw_station.call("StartTransaction", payload)
        assert frame[0] == 3, (payload, frame)
        ids.append(frame[2]["transactionId"])
    assert all(number > 0 for number in ids)
    assert len(set(ids)) == len(STARTS)
    assert await _parked(operator, station_id) == []
    stored = await operator.items("/transactions", station_id=station_id)
    assert {one["transaction_id"] for one in stored} == set(ids)


async def test_wrong_frames_get_the_exact_error_and_keep_the_connection(
    raw_station: RawStation,
) -> None:
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("Nonsense", {}, "NotImplemented"),
        ("Reset", {"type": "Soft"}, "NotSupported"),
        ("Authorize", {}, "OccurenceConstraintViolation"),
        ("Authorize", {"idTag": 5}, "TypeConstraintViolation"),
        ("Authorize", {"idTag": "A" * 21}, "PropertyConstraintViolation"),
        ("Authorize", {"idTag": "A", "more": 1}, "FormationViolation"),
    ]
    for action, payload, code in wrong:
        frame = await raw_station.call(action, payload)
        assert (frame[0], frame[2]) == (4, code), (action, payload, frame)
    assert (await raw_station.call("Heartbeat", {}))[0] == 3
