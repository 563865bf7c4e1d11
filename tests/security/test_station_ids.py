"""A station's id is a name, wherever it comes from: never a path, a query or a control code."""

import secrets
from urllib.parse import quote

import pytest

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.integration.third_party import now
from tests.integration.waiting import eventually
from tests.security.raw_socket import RawSocket

NAMES = [
    "..",
    ".",
    "../../etc/passwd",
    "..\\..\\windows",
    "%2e%2e%2f",
    "%",
    "%%00",
    "?admin=1",
    "#fragment",
    "a/b",
    "a//b",
    "-rf",
    "$(id)",
    "`id`",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "'; DROP TABLE station; --",
    '"}],"x":[{"',
    "*",
    "%25",
    "_",
    "ä" * 60,
    "\u202egpj.exe",
    "line\u2028separator",
    "\N{PILE OF POO}" * 20,
    "x" * 240,
]


@pytest.mark.parametrize("name", NAMES)
async def test_any_printable_id_names_one_station_and_nothing_else(
    run: RunState, operator: Operator, gateway_url: str, name: str
) -> None:
    name = f"{name}-{secrets.token_hex(4)}"
    async with await RawSocket.open(gateway_url) as station:
        await station.connect(name)
        await station.boot()
        path = f"/api/v1/stations/{quote(name, safe='').replace('.', '%2E')}"
        found = await eventually(
            lambda: operator.get(f"{run.rest_url}{path}"), lambda seen: seen["online"]
        )
        assert found["station_id"] == name
        listed = await operator.items("/stations", q=name)
        assert [one["station_id"] for one in listed] == [name]


@pytest.mark.parametrize(
    "path",
    [
        "/ocpp/%00",
        "/ocpp/a%00b",
        "/ocpp/a%0d%0aSet-Cookie:%20x",
        "/ocpp/a%0Ab",
        "/ocpp/%1b[31m",
        "/ocpp/%7f",
        "/ocpp/%c2%85",
        "/ocpp/%ff%fe",
        "/ocpp/%ed%a0%80",
        "/ocpp/" + "x" * 256,
        "/ocpp/" + "%41" * 256,
        "/ocpp/",
        "/ocpp",
        "/",
        "/ocpp/../admin/",
        "/ocpp/.",
        "/ocpp/..",
        "/ocpp/%2E",
        "/ocpp/%2e.",
        "//ocpp//",
        "http://elsewhere.example/ocpp/",
    ],
)
async def test_a_path_that_names_no_station_is_refused(gateway_url: str, path: str) -> None:
    async with await RawSocket.open(gateway_url) as station:
        await station.send(station.upgrade_of_path(path))
        answer = await station.answer()
        assert answer.status in (400, 404), answer
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("name", [".", ".."])
async def test_what_no_address_can_name_is_made_by_nobody_and_harmless_in_a_call(
    run: RunState, operator: Operator, gateway_url: str, station_id: str, name: str
) -> None:
    for path, body in (
        ("/stations", {"station_id": name}),
        ("/id-tokens", {"id_token": name}),
        ("/users", {"username": name, "password": "long enough", "role": "viewer"}),
    ):
        refused = await operator.http.post(path, json=body)
        assert refused.status_code == 422, refused.text
        assert [error["field"] for error in refused.json()["errors"]] == [next(iter(body))]
    async with await RawSocket.open(gateway_url) as station:
        await station.connect(station_id)
        await station.boot()
        _, _, asked = await station.call("Authorize", {"idTag": name})
        assert asked == {"idTagInfo": {"status": "Invalid"}}
        start = {"connectorId": 1, "idTag": name, "meterStart": 0, "timestamp": now()}
        _, _, started = await station.call("StartTransaction", start)
        assert started["idTagInfo"] == {"status": "Invalid"}
        told = await eventually(
            lambda: operator.items("/transactions", station_id=station_id, id_token=name), bool
        )
        assert [one["id_token"] for one in told] == [name]
    # Others have dots in them.
    known = await operator.items("/id-tokens", q=name)
    assert name not in [one["id_token"] for one in known]
    assert await operator.items("/parked", station_id=station_id) == []


@pytest.mark.parametrize("path", ["/stations/..", "/stations/%2e%2e/users", "/../../etc/passwd"])
async def test_rest_serves_no_path_outside_its_routes(
    run: RunState, operator: Operator, path: str
) -> None:
    async with await RawSocket.open(run.rest_url) as raw:
        request = (
            f"GET /api/v1{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Authorization: {operator.authorization}\r\n\r\n"
        )
        await raw.send(request.encode())
        assert (await raw.answer()).status == 404


@pytest.mark.parametrize(
    "path", ["/..%2f..%2fetc%2fpasswd", "/static/../../../etc/passwd", "/docs/../../main.py"]
)
async def test_the_console_serves_its_own_files_only(run: RunState, path: str) -> None:
    async with await RawSocket.open(run.rest_url) as raw:
        await raw.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert (await raw.answer()).status in (400, 404)
