"""Firmware, diagnostics and log jobs as an operator starts and follows them."""

from typing import Any

from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Asked, Payload, PlayedStation
from tests.integration.waiting import eventually


async def ordered(
    central: CentralSystem,
    station: PlayedStation,
    kind: str,
    body: Payload,
    action: str,
    answer: Payload,
) -> tuple[str, Asked]:
    """Start a job of this kind that the station answers so; its id, and what the station got."""
    path = f"/stations/{central.station_id}/{kind}-jobs"
    response = await central.operator.http.post(path, json=body)
    assert response.status_code == 201, response.text
    asked = await station.asked(action)
    await station.answer(asked, answer)
    return str(response.json()["job_id"]), asked


async def job(central: CentralSystem, job_id: str, status: str, **fields: Any) -> Payload:
    """Read a job once it stands there, with these fields."""

    async def read() -> Payload:
        found: Payload = await central.operator.get(f"/jobs/{job_id}")
        return found

    wanted = {"status": status, **fields}
    return await eventually(read, lambda found: {name: found[name] for name in wanted} == wanted)


def told(found: Payload) -> list[str]:
    """Return the statuses that the station reported, in its order."""
    reports: list[Payload] = found["reports"]
    return [report["status"] for report in reports]


async def reported(central: CentralSystem, job_id: str, statuses: list[str]) -> None:
    """Wait until just these statuses are stored, in the station's order."""

    async def read() -> list[str]:
        return told(await central.operator.get(f"/jobs/{job_id}"))

    await eventually(read, lambda found: found == statuses)
