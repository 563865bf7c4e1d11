"""Text stays text: in SQL, in logs, in JSON, through every string of OCPP and REST."""

import base64
import itertools
import json
import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from csms_local.pytest_scale import every, scaled
from csms_local.run_state import RunState
from csms_local.suite import Suite
from csms_simulator.operator import Operator
from tests.integration.third_party import now
from tests.integration.waiting import eventually
from tests.plain_http import NO_AUTHORITIES
from tests.security.raw_socket import TEXT, RawSocket, frame

TEXTS = [
    "'; DROP TABLE registry.station; --",
    "' OR '1'='1",
    '" OR ""="',
    "\\'; SELECT pg_sleep(20); --",
    "%' AND 1=0 UNION SELECT password_hash FROM users --",
    "$1", ":id", "%s", "%(id)s", "{0}", "${jndi:ldap://x}", "{{7*7}}",
    "%", "_", "\\", "%%%%", "\\%",
    "NaN", "null", "-1", "1e999", "99999999999999999999",
    "\x00", "a\x00b", "\r\nSet-Cookie: x=1", "\n{\"event\":\"forged\"}", "\x1b[31mred\x1b[0m",
    "\u2028", "\u202e", "\ud7ff", "\U0001f4a9", "x" * 300, "ä" * 255,
    "<script>alert(1)</script>", "../../etc/passwd", "[]", "{}", '"}',
]  # fmt: skip
ANSI_OR_BREAK = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
async def document(run: RunState) -> dict[str, Any]:
    """The interface's own description."""
    async with httpx.AsyncClient(trust_env=False, verify=NO_AUTHORITIES) as client:
        described: dict[str, Any] = (await client.get(f"{run.rest_url}/openapi.json")).json()
    return described


def _reading(document: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    return [
        (path, operations["get"].get("parameters", []))
        for path, operations in document["paths"].items()
        if path.startswith("/api/v1") and path != "/api/v1/events" and "get" in operations
    ]


@pytest.mark.scaled
async def test_no_text_in_any_parameter_of_a_reading_route_is_a_defect(
    operator: Operator, document: dict[str, Any]
) -> None:
    tried, parts, turns = 0, scaled(1, 6), itertools.count()
    for path, parameters in _reading(document):
        for parameter in parameters:
            # Every parameter and every text, if not one with each of the other.
            for text in TEXTS[next(turns) % parts :: parts]:
                filled = re.sub(r"\{[^}]*\}", quote(text, safe=""), path)
                query = {} if parameter["in"] == "path" else {parameter["name"]: text}
                response = await operator.http.get(
                    filled.removeprefix("/api/v1").replace("..", "%2E%2E"), params=query
                )
                assert response.status_code in (200, 404, 422), (path, parameter["name"], text)
                tried += 1
    assert tried > 500
    for key in (
        ["x\x00", "y"],
        ["2026-01-01T00:00:00+00:00", "\x00"],
        ["\x00"],
        [2**63],
        [10**18, 2],
    ):
        cursor = base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")
        for path, parameters in _reading(document):
            if "{" not in path and any(one["name"] == "cursor" for one in parameters):
                response = await operator.http.get(
                    path.removeprefix("/api/v1"), params={"cursor": cursor}
                )
                assert response.status_code in (200, 422), (path, key)
    assert (await operator.http.get("/stations")).status_code == 200


async def test_a_filter_is_a_text_and_no_pattern(operator: Operator) -> None:
    name = f"pattern-{secrets.token_hex(4)}"
    for suffix in ("%", "_", "\\", "x"):
        created = await operator.http.post("/stations", json={"station_id": name + suffix})
        assert created.status_code == 201
    for suffix in ("%", "_", "\\"):
        found = await operator.items("/stations", q=name + suffix)
        assert [one["station_id"] for one in found] == [name + suffix]


@pytest.mark.parametrize(
    ("path", "field", "more"),
    [
        ("/stations", "station_id", {}),
        ("/id-tokens", "id_token", {}),
        ("/id-tokens", "group_id", {"id_token": "?"}),
        ("/users", "username", {"password": "a good password", "role": "viewer"}),
        ("/api-keys", "name", {"role": "viewer"}),
    ],
)
async def test_what_is_created_with_any_text_has_that_text_or_is_refused(
    operator: Operator, path: str, field: str, more: dict[str, str]
) -> None:
    for text in TEXTS:
        own = f"{text}{secrets.token_hex(4)}"
        body = {name: own if value == "?" else value for name, value in more.items()}
        response = await operator.http.post(path, json={**body, field: own})
        assert response.status_code in (201, 422), (text, response.text)
        if response.status_code == 201:
            assert response.json()[field] == own


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 400_000,
        b'{"a":' * 100_000,
        b"{" + b'"a":1,' * 100_000 + b'"a":1}',
        b'{"station_id": ' + b"9" * 100_000 + b"}",
        b'{"station_id": "\\ud800"}',
        b'{"station_id": "x", "__proto__": {"role": "admin"}}',
        b'{"station_id": NaN}',
        b'{"vendorId": "\\u0000", "id_token": "\\\\\\u0000", "username": "\\u0000"}',
        b"\xff\xfe\x00",
        b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
        b"",
    ],
)
async def test_a_body_that_is_a_bomb_is_refused(operator: Operator, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    for path in ("/stations", "/id-tokens", "/stations/x/commands/DataTransfer", "/users"):
        response = await operator.http.post(path, content=body, headers=headers)
        assert 400 <= response.status_code < 500, (path, response.status_code)
    assert (await operator.http.get("/status")).status_code == 200


BOOT_TEXTS = (
    "chargePointVendor",
    "chargePointModel",
    "chargePointSerialNumber",
    "chargeBoxSerialNumber",
    "firmwareVersion",
    "iccid",
    "imsi",
    "meterType",
    "meterSerialNumber",
)


def _calls(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Every call of OCPP 1.6 Core with `text` wherever text may be."""
    sample = {
        "value": text, "context": text, "format": text, "measurand": text,
        "phase": text, "location": text, "unit": text,
    }  # fmt: skip
    values = [
        {"timestamp": now(), "sampledValue": [sample]},
        {"timestamp": text, "sampledValue": [{"value": "1"}]},
    ]
    return [
        (
            "BootNotification",
            dict.fromkeys(BOOT_TEXTS, text),
        ),
        ("Authorize", {"idTag": text}),
        (
            "StartTransaction",
            {"connectorId": 1, "idTag": text, "meterStart": 1, "timestamp": now()},
        ),
        (
            "StartTransaction",
            {"connectorId": 2, "idTag": "X", "meterStart": 1, "timestamp": text},
        ),
        ("MeterValues", {"connectorId": 1, "meterValue": values}),
        ("MeterValues", {"connectorId": 1, "transactionId": 1, "meterValue": values}),
        (
            "StopTransaction",
            {
                "transactionId": 2_000_000_000, "meterStop": 1, "timestamp": text,
                "idTag": text, "reason": text, "transactionData": values,
            },
        ),
        (
            "StatusNotification",
            {
                "connectorId": 1, "status": "Faulted", "errorCode": text, "info": text,
                "vendorId": text, "vendorErrorCode": text, "timestamp": text,
            },
        ),
        ("DataTransfer", {"vendorId": text, "messageId": text, "data": text}),
        ("DiagnosticsStatusNotification", {"status": text}),
        ("FirmwareStatusNotification", {"status": text}),
        (text, {}),
        ("Heartbeat", {text: text}),
    ]  # fmt: skip


@pytest.mark.parametrize("text", every(3, TEXTS), ids=range(len(TEXTS)))
async def test_any_text_in_any_call_is_answered_and_parks_nothing(
    run: RunState, operator: Operator, station_id: str, text: str
) -> None:
    parked = len(await operator.items("/parked"))
    async with await RawSocket.open(run.ocpp_url) as station:
        await station.connect(station_id)
        await station.boot()
        for number, (action, payload) in enumerate(_calls(text)):
            # Refused or answered, but never left alone.
            answer = await station.call(action, payload, f"{number}{text[:20]}")
            if answer[0] == 4:
                assert answer[2] != "InternalError", (action, answer)
        found = await eventually(
            lambda: operator.get(f"/stations/{station_id}"), lambda one: one["online"]
        )
        assert found["station_id"] == station_id
    assert len(await operator.items("/parked")) == parked


async def test_a_station_id_of_any_text_is_one_row_and_comes_back_as_sent(
    gateway_url: str, operator: Operator
) -> None:
    for text in TEXTS:
        name = f"{text}{secrets.token_hex(3)}"
        async with await RawSocket.open(gateway_url) as station:
            await station.send(station.upgrade(name))
            answer = await station.answer()
            expected = 400 if len(name.encode()) > 255 or _has_control(name) else 101
            assert answer.status == expected, name
            assert "set-cookie" not in answer.headers
        if expected == 101:
            path = f"/stations/{quote(name, safe='').replace('.', '%2E')}"
            assert (await operator.get(path))["station_id"] == name


def _has_control(text: str) -> bool:
    return any(ord(one) < 0x20 or 0x7F <= ord(one) < 0xA0 for one in text)


MARK = "forged-line"
LOG_TEXTS = [
    f'\n{{"event": "{MARK}", "level": "error"}}',
    f"\r\n2026-01-01T00:00:00Z [error    ] {MARK}",
    f"\x1b[2K\x1b[1A{MARK}",
    f"\u2028{MARK}",
    f"\x85{MARK}",
    f"\u202e{MARK}",
    f"\x9b31m{MARK}",
    f"\x08\x08\x08{MARK}",
]


async def _attack_logs(run: RunState, operator: Operator, station_id: str, text: str) -> None:
    """Send the text to every place whose content a log line may show."""
    async with await RawSocket.open(run.ocpp_url) as station:
        await station.connect(station_id)
        await station.boot()
        for message_id, action, payload in (
            ("1", text, {}),
            (text, "Heartbeat", {}),
            ("2", "BootNotification", {"chargePointVendor": text, "chargePointModel": text}),
            ("3", "Authorize", {"idTag": {text: text}}),
            ("4", "StatusNotification", {text: 1, "connectorId": text}),
        ):
            await station.call(action, payload, message_id)
        for stray in (
            [3, text, {}],
            [4, text, text, text, {text: text}],
            [9, text],
            text,
            {text: text},
        ):
            raw = json.dumps(stray, ensure_ascii=False).encode()
            await station.send(frame(TEXT, raw))
        await station.send(frame(TEXT, text.encode()))
        await station.call("Heartbeat", {}, "last")
    async with await RawSocket.open(run.ocpp_url) as refused:
        await refused.send(refused.upgrade(station_id, f"Sec-WebSocket-Protocol: {_header(text)}"))
        await refused.answer()
    async with await RawSocket.open(run.ocpp_url) as refused:
        await refused.send(refused.upgrade(text))
        await refused.answer()
    async with await RawSocket.open(run.gateways[0].ocpp_url) as refused:
        await refused.send(text.encode() + b"\r\n\r\n")
        await refused.is_cut()
    await operator.http.post(
        f"/stations/{station_id}/commands/{quote(text, safe='')}", json={text: text}
    )
    await operator.http.get(f"/stations/{quote(text, safe='')}")
    await operator.http.post("/auth/token", data={"username": text, "password": text})


def _header(text: str) -> str:
    return re.sub(r"[\r\n\x00]", "", text)


@pytest.mark.parametrize("text", LOG_TEXTS, ids=range(len(LOG_TEXTS)))
async def test_one_line_of_a_log_stays_one_line(
    suite: Suite, run: RunState, operator: Operator, station_id: str, text: str
) -> None:
    await _attack_logs(run, operator, station_id, text)
    logs = sorted((suite.home / "logs").glob("*.log"))
    assert any(MARK in log.read_text(errors="replace") for log in logs)
    for log in logs:
        _check_log(log)


def _check_log(log: Path) -> None:
    for line in log.read_bytes().decode().split("\n"):
        if MARK not in line:
            continue
        assert not ANSI_OR_BREAK.search(line), (log.name, line)
        # A line of ours starts with its time; a forged one would start with what was sent.
        assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z ", line), (log.name, line)
        assert not line.startswith("2026-01-01T00:00:00Z"), (log.name, line)
