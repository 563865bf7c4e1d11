"""Firmware updates: a real download over HTTP, an installation in name only, and a reboot."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import httpx

from csms_simulator.answer import Answer
from csms_simulator.bare_station import BareStation
from csms_simulator.wire import Payload, read_timestamp

PLAIN, SIGNED = "FirmwareStatusNotification", "SignedFirmwareStatusNotification"
DOWNLOAD_TIMEOUT = 60.0
RETRY_INTERVAL = 10
VERSION_LENGTH = 50
Report = Callable[[str], Awaitable[None]]


async def update_firmware(station: BareStation, request: Payload) -> Answer:
    """Take an update that nobody signed (5.19)."""
    report = partial(station.reports.send, PLAIN)
    return Answer({}, partial(_update, station, request, request, "retrieveDate", report))


async def signed_update_firmware(station: BareStation, request: Payload) -> Answer:
    """Take a signed update (security whitepaper, L01); any signature is good enough here."""

    async def report(status: str) -> None:
        await station.reports.send(SIGNED, status, request["requestId"])
        if status == "Downloaded":
            await station.reports.send(SIGNED, "SignatureVerified", request["requestId"])

    firmware = request["firmware"]
    work = partial(_update, station, request, firmware, "retrieveDateTime", report)
    return Answer({"status": "Accepted"}, work)


async def _update(
    station: BareStation, request: Payload, firmware: Payload, date: str, report: Report
) -> None:
    await _wait_until(station, firmware[date])
    await report("Downloading")
    if not await _download(station, firmware["location"], request):
        await report("DownloadFailed")
        return
    await report("Downloaded")
    if "installDateTime" in firmware:
        await _wait_until(station, firmware["installDateTime"])
    for session in list(station.sessions.values()):
        await session.ended.wait()
    await report("Installing")
    station.firmware_version = _version(firmware["location"])
    await station.power_cycle()
    await report("Installed")


async def _download(station: BareStation, location: str, request: Payload) -> bool:
    for attempt in range(1 + request.get("retries", 0)):
        if attempt:
            wait = request.get("retryInterval", RETRY_INTERVAL)
            await asyncio.sleep(wait * station.settings.time_scale)
        try:
            async with (
                httpx.AsyncClient(trust_env=False, timeout=DOWNLOAD_TIMEOUT) as http,
                http.stream("GET", location, follow_redirects=True) as response,
            ):
                response.raise_for_status()
                async for _ in response.aiter_raw():
                    pass
                return True
        except (httpx.HTTPError, httpx.InvalidURL):
            continue
    return False


async def _wait_until(station: BareStation, moment: str) -> None:
    wait = (read_timestamp(moment) - datetime.now(UTC)).total_seconds()
    await asyncio.sleep(max(wait, 0) * station.settings.time_scale)


def _version(location: str) -> str:
    """Take the file's name for the version."""
    name = PurePosixPath(unquote(urlsplit(location).path)).name.removesuffix(".bin")
    return name[:VERSION_LENGTH] or "unnamed"
