"""Diagnostics and logs: what a station can tell of itself, uploaded by HTTP PUT."""

import json
from functools import partial

import httpx

from csms_simulator.answer import Answer
from csms_simulator.bare_station import BareStation
from csms_simulator.wire import Payload

DIAGNOSTICS, LOG = "DiagnosticsStatusNotification", "LogStatusNotification"
UPLOAD_TIMEOUT = 60.0
DIAGNOSTICS_FILE = "diagnostics.json"


async def get_diagnostics(station: BareStation, request: Payload) -> Answer:
    """Upload a file of diagnostics (5.9)."""

    async def upload() -> None:
        await station.reports.send(DIAGNOSTICS, "Uploading")
        arrived = await _put(request["location"], DIAGNOSTICS_FILE, _diagnostics(station))
        await station.reports.send(DIAGNOSTICS, "Uploaded" if arrived else "UploadFailed")

    return Answer({"fileName": DIAGNOSTICS_FILE}, upload)


async def get_log(station: BareStation, request: Payload) -> Answer:
    """Upload a log (security whitepaper, N01)."""
    name = f"{request['logType']}.json"
    report = partial(station.reports.send, LOG, request_id=request["requestId"])

    async def upload() -> None:
        await report("Uploading")
        arrived = await _put(request["log"]["remoteLocation"], name, _diagnostics(station))
        await report("Uploaded" if arrived else "UploadFailure")

    return Answer({"status": "Accepted", "filename": name}, upload)


def _diagnostics(station: BareStation) -> bytes:
    told = {
        "station_id": station.station_id,
        "firmware_version": station.firmware_version,
        "at": station.timestamp(),
        "connections_made": station.link.connections_made,
        "connector_status": station.connector_status,
        "meters_wh": station.meters,
        "configuration": station.configuration.get_configuration({})["configurationKey"],
    }
    return json.dumps(told, indent=1).encode()


async def _put(location: str, name: str, content: bytes) -> bool:
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=UPLOAD_TIMEOUT) as http:
            response = await http.put(f"{location.rstrip('/')}/{name}", content=content)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return response.is_success
