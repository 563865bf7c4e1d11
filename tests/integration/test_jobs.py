"""Firmware, diagnostics and logs through the whole suite, with a station of plain frames."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import websockets
from websockets.asyncio.client import ClientConnection

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload
from tests.admitted import admitted
from tests.integration.waiting import eventually


class FrameStation:
    """Sends frames as they are written in the specification, and answers commands with yes."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._ids = itertools.count(1)
        self._answers: dict[str, asyncio.Future[list[Any]]] = {}
        self.commands: asyncio.Queue[tuple[str, Payload]] = asyncio.Queue()

    async def read(self) -> None:
        """Take frames until the connection ends."""
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in self._connection:
                frame = orjson.loads(text)
                if frame[0] != 2:
                    self._answers.pop(frame[1]).set_result(frame)
                    continue
                _, message_id, action, payload = frame
                answer: Payload = {"status": "Accepted"}
                if action == "GetDiagnostics":
                    answer = {"fileName": "diagnostics.zip"}
                elif action == "UpdateFirmware":
                    answer = {}
                await self._connection.send(orjson.dumps([3, message_id, answer]).decode())
                self.commands.put_nowait((action, payload))

    async def call(self, action: str, **payload: Any) -> Payload:
        """Send a CALL; the payload of its CALLRESULT."""
        message_id = str(next(self._ids))
        self._answers[message_id] = answered = asyncio.get_running_loop().create_future()
        await self._connection.send(orjson.dumps([2, message_id, action, payload]).decode())
        async with asyncio.timeout(20):
            frame = await answered
        assert frame[0] == 3, frame
        result: Payload = frame[2]
        return result

    async def command(self) -> tuple[str, Payload]:
        """Return the next command."""
        async with asyncio.timeout(30):
            return await self.commands.get()


@contextlib.asynccontextmanager
async def booted(ocpp_url: str, station_id: str) -> AsyncIterator[FrameStation]:
    """Connect a station and let it boot."""
    async with admitted(f"{ocpp_url}/{station_id}") as connection:
        station = FrameStation(connection)
        reading = asyncio.create_task(station.read())
        await station.call("BootNotification", chargePointVendor="V", chargePointModel="M")
        yield station
        await connection.close()
        await reading


async def started(operator: Operator, path: str, body: Payload) -> str:
    """Start a job; its id."""
    response = await operator.http.post(path, json=body)
    assert response.status_code == 201, response.text
    return str(response.json()["job_id"])


async def becomes(operator: Operator, job_id: str, status: str) -> Payload:
    """Wait until a job stands there."""
    job: Payload = await eventually(
        lambda: operator.get(f"/jobs/{job_id}"), lambda found: found["status"] == status
    )
    return job


async def test_n01_a_log_is_uploaded_to_the_suite_and_downloaded(
    run: RunState, operator: Operator, station_id: str
) -> None:
    async with booted(run.ocpp_url, station_id) as station:
        job_id = await started(
            operator, f"/stations/{station_id}/log-jobs", {"log_type": "SecurityLog"}
        )
        action, payload = await station.command()
        assert action == "GetLog"
        request_id = payload["requestId"]
        await station.call("LogStatusNotification", status="Uploading", requestId=request_id)
        async with httpx.AsyncClient(trust_env=False) as http:
            upload = await http.put(
                payload["log"]["remoteLocation"] + "security.log", content=b"a log"
            )
        assert upload.status_code == 201, upload.text
        await station.call("LogStatusNotification", status="Uploaded", requestId=request_id)
        job = await becomes(operator, job_id, "succeeded")
        (file,) = job["uploads"]
        assert (file["file_name"], file["size"]) == ("security.log", 5)
        content = await operator.http.get(f"/jobs/{job_id}/uploads/{file['upload_id']}")
        assert content.content == b"a log"


async def test_a_simulated_station_uploads_its_diagnostics_to_the_suite(
    run: RunState, operator: Operator, station_id: str
) -> None:
    async with SimulatedStation(station_id, run.ocpp_url) as station:
        await station.wait_accepted()
        job_id = await started(operator, f"/stations/{station_id}/diagnostics-jobs", {})
        job = await becomes(operator, job_id, "succeeded")
        (file,) = job["uploads"]
        content = await operator.http.get(f"/jobs/{job_id}/uploads/{file['upload_id']}")
    assert job["file_name"] == file["file_name"] == "diagnostics.json"
    assert content.json()["station_id"] == station_id


async def test_diagnostics_ordered_by_the_generic_command_are_a_job_too(
    run: RunState, operator: Operator, station_id: str
) -> None:
    async with booted(run.ocpp_url, station_id) as station:
        response = await operator.http.post(
            f"/stations/{station_id}/commands/GetDiagnostics",
            json={"location": "ftp://files.example/in"},
        )
        job_id = response.json()["command_id"]
        await station.command()
        await station.call("DiagnosticsStatusNotification", status="Uploading")
        await station.call("DiagnosticsStatusNotification", status="UploadFailed")

        async def listed() -> list[Payload]:
            return await operator.items("/jobs", station_id=station_id)

        (job,) = await eventually(
            listed, lambda jobs: [one["status"] for one in jobs] == ["failed"]
        )
        assert (job["job_id"], job["file_name"], job["result"]) == (
            job_id,
            "diagnostics.zip",
            "UploadFailed",
        )


async def test_firmware_waits_for_its_station_and_is_followed_over_a_reboot_at_another_gateway(
    run: RunState, operator: Operator, station_id: str
) -> None:
    first, second = run.gateways[0].ocpp_url, run.gateways[1].ocpp_url
    async with booted(first, station_id):
        pass
    body = {"location": "https://firmware.example/2.0"}
    job_id = await started(operator, f"/stations/{station_id}/firmware-jobs", body)
    assert (await operator.get(f"/jobs/{job_id}"))["status"] == "ordered"
    async with booted(first, station_id) as station:
        action, payload = await station.command()
        assert (action, payload["location"]) == ("UpdateFirmware", body["location"])
        for status in ("Downloading", "Downloaded", "Installing"):
            await station.call("FirmwareStatusNotification", status=status)
    async with booted(second, station_id) as station:
        await station.call("FirmwareStatusNotification", status="Installed")
        await becomes(operator, job_id, "succeeded")
    # What the other gateway has to tell may be stored after the end.
    await eventually(
        lambda: operator.get(f"/jobs/{job_id}"),
        lambda job: (
            [report["status"] for report in job["reports"]]
            == ["Downloading", "Downloaded", "Installing", "Installed"]
        ),
    )


async def test_a_rollout_ends_when_all_its_stations_have_the_firmware(
    run: RunState, operator: Operator, station_id: str
) -> None:
    stations = [f"{station_id}-{number}" for number in range(2)]
    async with contextlib.AsyncExitStack() as stack:
        connected = [
            await stack.enter_async_context(booted(run.ocpp_url, name)) for name in stations
        ]
        response = await operator.http.post(
            "/firmware-rollouts",
            json={
                "name": "2.0",
                "location": "https://firmware.example/2.0",
                "station_ids": stations,
                "concurrency": 1,
            },
        )
        assert response.status_code == 201, response.text
        path = f"/firmware-rollouts/{response.json()['rollout_id']}"
        for station in connected:
            await station.command()
            await station.call("FirmwareStatusNotification", status="Installed")
        report = await eventually(
            lambda: operator.get(path), lambda found: found["status"] == "completed"
        )
    assert report["stations"] == {"succeeded": 2}
