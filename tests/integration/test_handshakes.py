"""What a connecting station is told, and that a password counts."""

import asyncio
import base64
import json
from collections.abc import Sequence
from urllib.parse import quote

import pytest
from websockets.exceptions import InvalidStatus

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.admitted import admitted
from tests.integration.waiting import eventually

PASSWORD = "a-password-of-24-letters"


async def _status(
    url: str, password: bytes | None = None, subprotocols: Sequence[str] = ("ocpp1.6",)
) -> int:
    headers = {}
    if password is not None:
        credentials = base64.b64encode(b"anyone:" + password).decode()
        headers["Authorization"] = f"Basic {credentials}"
    try:
        async with admitted(url, tuple(subprotocols), additional_headers=headers):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def _create(operator: Operator, station_id: str, password: str) -> None:
    response = await operator.http.post(
        "/stations", json={"station_id": station_id, "password": password}
    )
    assert response.status_code == 201, response.text


async def test_a_station_with_a_password_never_connects_without_it(
    run: RunState, operator: Operator, station_id: str
) -> None:
    await _create(operator, station_id, PASSWORD)
    url = f"{run.ocpp_url}/{station_id}"
    assert await _status(url) == 401
    assert await _status(url, b"another-password-entirely") == 401
    assert await _status(url, PASSWORD.encode()) == 101


async def test_a_hexadecimal_password_is_right_as_text_and_decoded(
    run: RunState, operator: Operator, station_id: str
) -> None:
    await _create(operator, station_id, "0123456789abcdef0123456789abcdef")
    url = f"{run.ocpp_url}/{station_id}"
    assert await _status(url, b"0123456789abcdef0123456789abcdef") == 101
    assert await _status(url, bytes.fromhex("0123456789abcdef0123456789abcdef")) == 101
    assert await _status(url, b"0123456789abcdef0123456789abcdee") == 401


@pytest.mark.parametrize(
    ("subprotocols", "status"),
    [
        (("ocpp1.6",), 101),
        ((), 101),
        (("ocpp1.5", "ocpp1.6"), 101),
        (("ocpp9.9",), 400),
    ],
)
async def test_subprotocols_are_negotiated_in_the_stations_order(
    run: RunState, station_id: str, subprotocols: tuple[str, ...], status: int
) -> None:
    assert await _status(f"{run.ocpp_url}/{station_id}", None, subprotocols) == status


async def test_a_path_outside_ocpp_is_not_found(run: RunState) -> None:
    root = run.ocpp_url.removesuffix("/ocpp")
    assert await _status(f"{root}/elsewhere/CS1") == 404


@pytest.mark.parametrize("suffix", ["/1 x", "%", "ä", "_-:"])
async def test_any_character_may_be_in_a_station_id_and_in_rest_paths(
    run: RunState, operator: Operator, station_id: str, suffix: str
) -> None:
    name = station_id + suffix
    encoded = quote(name, safe="")
    async with admitted(f"{run.ocpp_url}/{encoded}") as socket:
        payload = {"chargePointVendor": "V", "chargePointModel": "M"}
        await socket.send(json.dumps([2, "1", "BootNotification", payload]))
        async with asyncio.timeout(20):
            answer = json.loads(await socket.recv())
        assert answer[2]["status"] == "Accepted"
        found = await eventually(
            lambda: operator.get(f"/stations/{encoded}"), lambda station: station["online"]
        )
        assert found["station_id"] == name
