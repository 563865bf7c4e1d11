"""Firmware, uploads and charging profiles of a simulated station."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from csms_simulator.session_script import SessionPlan, run_session
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation

if TYPE_CHECKING:
    from conftest import FakeCentralSystem

QUICK = StationSettings(time_scale=0.001, call_timeout=2.0)
SCHEDULE = {
    "chargingRateUnit": "A",
    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.5}, {"startPeriod": 60, "limit": 16}],
}
PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": SCHEDULE,
}


@dataclass
class FileServer:
    """Serves any GET with a few bytes, and keeps what is PUT."""

    url: str = ""
    status: str = "200 OK"
    received: list[tuple[str, bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *headers = head.split("\r\n")
        lengths = [h.split(":")[1] for h in headers if h.lower().startswith("content-length:")]
        body = await reader.readexactly(int(lengths[0])) if lengths else b""
        self.received.append((" ".join(line.split()[:2]), body))
        writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: 2\r\n\r\nok".encode())
        await writer.drain()
        writer.close()


@pytest.fixture
async def files() -> AsyncIterator[FileServer]:
    server = FileServer()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        server.url = f"http://127.0.0.1:{port}"
        yield server


def reported(central_system: "FakeCentralSystem", action: str) -> list[dict[str, Any]]:
    return [payload for _, named, payload in central_system.calls if named == action]


async def test_firmware_is_fetched_and_installed_over_a_reboot(
    central_system: "FakeCentralSystem", files: FileServer
) -> None:
    request = {"location": f"{files.url}/2.0.bin", "retrieveDate": "2026-01-01T00:00:00Z"}
    async with SimulatedStation("S1", central_system.url, settings=QUICK) as station:
        await station.wait_accepted()
        assert await central_system.command("S1", "UpdateFirmware", request) == [3, {}]
        await central_system.until_called("FirmwareStatusNotification", 4)
    assert [each["status"] for each in reported(central_system, "FirmwareStatusNotification")] == [
        "Downloading",
        "Downloaded",
        "Installing",
        "Installed",
    ]
    versions = [each["firmwareVersion"] for each in reported(central_system, "BootNotification")]
    assert versions == ["1.0.0", "2.0"]
    assert files.received == [("GET /2.0.bin", b"")]


async def test_signed_firmware_that_can_not_be_fetched_fails_with_its_request_id(
    central_system: "FakeCentralSystem", files: FileServer
) -> None:
    files.status = "404 Not Found"
    firmware = {"location": f"{files.url}/2.0.bin", "retrieveDateTime": "2026-01-01T00:00:00Z"}
    request = {"requestId": 7, "retries": 1, "firmware": firmware}
    async with SimulatedStation("S1", central_system.url, settings=QUICK) as station:
        await station.wait_accepted()
        await central_system.command("S1", "SignedUpdateFirmware", request)
        await central_system.until_called("SignedFirmwareStatusNotification", 2)
    assert reported(central_system, "SignedFirmwareStatusNotification") == [
        {"status": "Downloading", "requestId": 7},
        {"status": "DownloadFailed", "requestId": 7},
    ]
    assert len(files.received) == 2


@pytest.mark.parametrize(("answer", "end"), [("201 Created", "Uploaded"), ("413 Large", "Failure")])
async def test_a_log_is_really_uploaded(
    central_system: "FakeCentralSystem", files: FileServer, answer: str, end: str
) -> None:
    files.status = answer
    request = {
        "logType": "SecurityLog",
        "requestId": 3,
        "log": {"remoteLocation": f"{files.url}/token/"},
    }
    async with SimulatedStation("S1", central_system.url, settings=QUICK) as station:
        await station.wait_accepted()
        await central_system.command("S1", "GetLog", request)
        await central_system.until_called("LogStatusNotification", 2)
    assert reported(central_system, "LogStatusNotification")[-1]["status"].endswith(end)
    ((line, body),) = files.received
    assert line == "PUT /token/SecurityLog.json"
    assert b'"station_id": "S1"' in body


async def test_profiles_bound_what_is_drawn_and_are_in_the_composite_schedule(
    central_system: "FakeCentralSystem",
) -> None:
    async with SimulatedStation("S1", central_system.url, settings=QUICK) as station:
        await station.wait_accepted()
        install = {"connectorId": 0, "csChargingProfiles": PROFILE}
        answer = await central_system.command("S1", "SetChargingProfile", install)
        assert answer == [3, {"status": "Accepted"}]
        session = await run_session(station, 1, "TAG", SessionPlan(1, 0.001, power_w=11_000))
        assert session is not None
        assert session.power_w == 6.5 * 230
        asked = {"connectorId": 1, "duration": 120}
        _, schedule = await central_system.command("S1", "GetCompositeSchedule", asked)
        assert schedule["chargingSchedule"]["chargingSchedulePeriod"] == [
            {"startPeriod": 0, "limit": 6.5},
            {"startPeriod": 60, "limit": 16.0},
        ]
        for status in ("Accepted", "Unknown"):
            clear = await central_system.command("S1", "ClearChargingProfile", {"id": 1})
            assert clear == [3, {"status": status}]


async def test_a_trigger_tells_that_there_is_no_work(central_system: "FakeCentralSystem") -> None:
    asked = {"requestedMessage": "LogStatusNotification"}
    async with SimulatedStation("S1", central_system.url, settings=QUICK) as station:
        await station.wait_accepted()
        await central_system.command("S1", "ExtendedTriggerMessage", asked)
        await central_system.until_called("LogStatusNotification")
    assert reported(central_system, "LogStatusNotification") == [{"status": "Idle"}]
