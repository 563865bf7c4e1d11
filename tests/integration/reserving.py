"""Reservations through REST, and what becomes of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from csms_simulator.operator import Operator
from tests.integration.waiting import eventually

Body = dict[str, Any]


async def reserve(operator: Operator, station_id: str, id_token: str, **changes: Any) -> Body:
    """Want the first connector kept for an hour, but for what is given."""
    body = {
        "station_id": station_id,
        "connector_id": 1,
        "id_token": id_token,
        "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds"),
    }
    response = await operator.http.post("/reservations", json=body | changes)
    assert response.status_code == 201, response.text
    made: Body = response.json()
    return made


async def becomes(operator: Operator, path: str, status: str) -> Body:
    """Wait until something has a status, and return it."""

    async def read() -> Body:
        found: Body = await operator.get(path)
        return found

    return await eventually(read, lambda found: found["status"] == status, 60)
