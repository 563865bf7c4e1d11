"""A command from REST to the gateway and back, with every way it may end."""

import httpx
import pytest
from command_api_fakes import Stations

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_answered_command_is_completed_and_accepted(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    answer = await admin.post(f"/stations/{station_id}/commands/Reset", json={"type": "Soft"})
    assert answer.status_code == 200, answer.text
    command = answer.json()
    assert command["status"] == "completed"
    assert command["accepted"] is True
    assert command["response"] == {"status": "Accepted"}
